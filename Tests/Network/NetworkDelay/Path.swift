// The way from one host to another.
import Foundation

/// Frames that are on their way, in the order in which they arrive.
struct Path {
  /// Bytes that a frame may have, with the header of its device.
  static let largest = 1 << 17

  /// Nanoseconds, and nanoseconds a byte if the pair has a rate of its own, otherwise 0.
  let delay: Int
  let byteTime: Double
  /// When the pair's own link will have sent all that it has been given.
  private var free = 0
  private var frames: [(due: Int, bytes: UnsafeMutableRawBufferPointer)] = []
  /// Buffers that have been used: memory that the system has zeroed already.
  private var spare: [UnsafeMutableRawPointer] = []
  private var head = 0

  init(delay: Int, byteTime: Double = 0) {
    self.delay = delay
    self.byteTime = byteTime
  }

  /// When a frame of so many bytes has passed the pair's own link.
  func passes(_ count: Int, at time: Int) -> Int {
    byteTime == 0 ? time : max(time, free) + Int(Double(count) * byteTime)
  }

  mutating func add(_ frame: UnsafeRawBufferPointer, free: Int, arrives: Int) {
    self.free = free
    let buffer = spare.popLast() ?? .allocate(byteCount: Self.largest, alignment: 4096)
    let copy = UnsafeMutableRawBufferPointer(start: buffer, count: frame.count)
    copy.copyMemory(from: frame)
    frames.append((arrives + delay, copy))
  }

  /// When the next frame arrives.
  var next: Int { head < frames.count ? frames[head].due : Int.max }

  /// The next frame, if it has arrived by then.
  func first(by time: Int) -> UnsafeRawBufferPointer? {
    next <= time ? UnsafeRawBufferPointer(frames[head].bytes) : nil
  }

  mutating func removeFirst() {
    spare.append(frames[head].bytes.baseAddress!)
    head += 1
    if head == frames.count {
      frames.removeAll(keepingCapacity: true)
      head = 0
    } else if head > 1024 {
      frames.removeFirst(head)
      head = 0
    }
  }
}
