"""What promtool is asked: about scenarios in a build, about mutants, about coverage."""
