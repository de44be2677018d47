"""Transactional messages."""
