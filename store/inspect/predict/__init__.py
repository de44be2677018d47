"""What a broker's recovery will do to a store on its next start."""
