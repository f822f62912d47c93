"""What every runtime has to do, driven through the port with the real agents."""
