"""What proved scenarios show of each alert and recording rule, and whether that is what the policy demands. Pure."""
