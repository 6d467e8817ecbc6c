"""Macro search: controller, supernet, child."""
