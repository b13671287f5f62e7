// Memory of the threads that multiply.
import Base
import CProcessor
import Foundation

/// Where each thread packs the operands of its products, for as long as the process lives.
enum PackingRoom {
  private static let key: pthread_key_t = {
    var key = pthread_key_t()
    let code = pthread_key_create(&key, nil)
    guard code == 0 else {
      FatalEnd.end(
        UserError(.data, "no key for the memory of threads: \(String(cString: strerror(code)))", hint: ""))
    }
    return key
  }()

  static var ofThread: UnsafeMutablePointer<Float> {
    if let room = pthread_getspecific(key) { return room.assumingMemoryBound(to: Float.self) }
    let bytes = max(swiftdp_product_room, swiftdp_thin_room) * MemoryLayout<Float>.size
    guard let room = mmap(nil, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
      room != MAP_FAILED
    else { FatalEnd.end(UserError.noMemory(bytes, for: "matrix products")) }
    pthread_setspecific(key, room)
    return room.assumingMemoryBound(to: Float.self)
  }
}
