"""Songs on their way in: received, examined in a process of their own, and kept."""
