"""Checking a store: findings, their catalogue, and one module for each part of a store."""
