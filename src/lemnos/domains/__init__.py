"""What Lemnos is about. Each folder has the same few files: model, tables, store, service, …"""
