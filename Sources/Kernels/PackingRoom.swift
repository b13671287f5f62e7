// Memory of the threads that multiply.
import CProcessor
import Tensors

/// Where each thread packs the operands of its products.
enum PackingRoom {
  private static let room = ThreadOwned {
    FlatMemory(count: max(swiftdp_product_room, swiftdp_thin_room), label: "packed")
  }

  static var ofThread: UnsafeMutablePointer<Float> { room.ofThread.base }
}

extension BLAS {
  /// Makes all that the calling thread keeps for its products, so that none of it is made in a step.
  func makeRoomsOfThread() {
    _ = PackingRoom.ofThread
    if isSplit { makeSplitRoomOfThread() }
  }
}
