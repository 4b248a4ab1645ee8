"""Demonstration data: real purchases (`cdnow`), a simulated shop (`demo-shop`), and what posts them."""
