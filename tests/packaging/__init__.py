"""What a user installs: wheel, source distribution and editable checkout, each in an empty environment."""
