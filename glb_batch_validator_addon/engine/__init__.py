"""Runs a batch: plans, fetches ahead, keeps Blenders busy and replaces them, writes reports, remembers.

It is handed a storage and a launcher, and knows neither bpy nor boto3.
"""
