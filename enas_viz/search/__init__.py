"""Training: supernets, controllers, searches. Everything here needs torch.

    from enas_viz import search
    for record in search.run(ev.recipe("macro-tiny")): ...
"""
