"""Networks: operations, controllers, supernets, children."""
