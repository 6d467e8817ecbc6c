"""Micro search: controller, supernet, child."""
