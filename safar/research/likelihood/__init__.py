"""The mathematics under the models: log-likelihoods with their gradients, and the search for their maximum.

Nothing here knows of data frames, customers' names or `lifetimes`: arrays in, numbers out.
"""
