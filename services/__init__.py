"""The two services. They share `safar` and never import each other."""
