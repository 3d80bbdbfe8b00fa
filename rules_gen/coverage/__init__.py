"""What the scenarios show of each alert and recording rule, and what the policy demands. Pure."""
