// Cosines and sines of rotary positions, as far as they are needed.
import Foundation
import Kernels
import Tensors

package final class RotaryTable: @unchecked Sendable {
  /// Angles per position: [R / 2], in radians.
  package let frequencies: [Float]
  /// What cosines and sines are multiplied by.
  package let factor: Float
  /// The number R of a head's first numbers that are rotated.
  package var width: Int { 2 * frequencies.count }
  private var memory = FlatMemory(count: 0, label: "rotary table")
  private let lock = NSLock()

  /// - Parameter frequencies: [R / 2] in the order of the half-split form.
  package init(frequencies: [Float], factor: Float = 1) {
    self.frequencies = frequencies
    self.factor = factor
  }

  /// [positions, R]: cosines, then sines. Angles are fp32 products, as in transformers.
  func table(positions: Int) -> FlatMemory {
    lock.withLock {
      if memory.count < positions * width {
        memory = FlatMemory(count: positions * width, label: "rotary table")
        for position in 0..<positions {
          for (index, frequency) in frequencies.enumerated() {
            let angle = Double(Float(position) * frequency)
            memory.base[position * width + index] = Float(cos(angle)) * factor
            memory.base[position * width + width / 2 + index] = Float(sin(angle)) * factor
          }
        }
      }
      return memory
    }
  }
}
