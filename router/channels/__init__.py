"""What the channels in notifiers/ are made of: bodies, faults, clients. Notifiers stay one file each."""
