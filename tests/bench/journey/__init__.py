"""A change's journey from the primary's Kea to the secondary's, by three ways."""
