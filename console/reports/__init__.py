"""Reports: permitted and actual access, and how much was asked for."""
