print("swiftdp")
