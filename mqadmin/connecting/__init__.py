"""What a command connects with: profiles, project files and credentials."""
