"""What the dispatcher in delivery.py is made of."""
