// One state of the optimizer's rule, as far as this rank holds it.
import Optimizers
import Tensors

package final class ShardedState {
  /// Neighbouring elements of a parameter's state, and where they lie in memory.
  package struct Part: Sendable {
    /// An index into the layout.
    package let parameter: Int
    package let elements: Range<Int>
    /// In elements from the start of the memory.
    package let offset: Int
    /// Whether it is this rank that writes them into a checkpoint.
    package let isWritten: Bool
  }

  package let declaration: OptimizerState
  package let parts: [Part]
  /// By piece held, its own elements in memory, or those of its parameter's rows or columns.
  private let places: [Range<Int>?]
  /// Bytes lie in it four to a number, the last number filled up.
  private let memory: FlatMemory
  /// Where the memory lies on disk.
  let file: OffloadFile?

  /// - Parameters:
  ///   - held: the pieces whose states this rank holds, in the order of the line.
  ///   - offload: the folder on whose disk they lie; nil for memory.
  init(
    _ declaration: OptimizerState, map: ShardMap, held: [Piece], offload: String?, ledger: MemoryLedger?
  ) throws {
    self.declaration = declaration
    let words: Int
    (parts, places, words) = Self.laidOut(declaration, map: map, held: held)
    (memory, file) = try FlatMemory.make(
      count: words, label: "optimizer states", offload: offload, ledger: ledger)
  }

  /// Bytes that a rank holds of a state.
  static func bytes(_ declaration: OptimizerState, map: ShardMap, held: [Piece]) -> Int {
    laidOut(declaration, map: map, held: held).words * MemoryLayout<Float>.size
  }

  private static func laidOut(
    _ declaration: OptimizerState, map: ShardMap, held: [Piece]
  ) -> (parts: [Part], places: [Range<Int>?], words: Int) {
    var parts: [Part] = []
    var places: [Range<Int>?] = []
    var end = 0
    for piece in held {
      let parameter = map.layout.parameters[piece.parameter]
      guard declaration.covers(parameter.spec) else {
        places.append(nil)
        continue
      }
      let start = parameter.range.lowerBound
      let isOwn = piece.owner == map.rank
      var elements = piece.line.lowerBound - start..<piece.line.upperBound - start
      var isWritten = isOwn
      switch declaration.extent {
      case .numbers: break
      case .blocks:
        // Blocks of the parameter before this piece: the piece begins at a block's start.
        let phase = piece.phase - elements.lowerBound
        let first = OptimizerState.blocks(phase: phase, count: elements.lowerBound)
        elements = first..<OptimizerState.blocks(phase: phase, count: elements.upperBound)
      case .rows, .columns:
        if let known = parts.last, known.parameter == piece.parameter {
          places.append(known.offset..<known.offset + known.elements.count)
          continue
        }
        // Every rank with a part of the matrix has the same; the owner of its first number writes.
        isWritten = isOwn && elements.lowerBound == 0
        elements = 0..<declaration.shape(of: parameter.spec, phase: 0).reduce(1, *)
      }
      parts.append(
        Part(parameter: piece.parameter, elements: elements, offset: end, isWritten: isWritten))
      places.append(end..<end + elements.count)
      end += elements.count
    }
    return (parts, places, (end * declaration.element.bytes + 3) / 4)
  }

  /// - Throws: `UserError(.disk)` where the disk that it lies on has lost of it.
  package func check() throws { try file?.check() }

  /// The first element of a piece held; nil where the state does not cover its parameter.
  func base(ofPiece index: Int) -> UnsafeMutableRawPointer? { places[index].map { address($0.lowerBound) } }

  /// Where a piece's own part of the state lies, in bytes; nil for what pieces share, and where there is none.
  func bytes(ofPiece index: Int) -> Range<Int>? {
    switch declaration.extent {
    case .numbers, .blocks:
      places[index].map {
        $0.lowerBound * declaration.element.bytes..<$0.upperBound * declaration.element.bytes
      }
    case .rows, .columns: nil
    }
  }

  /// The elements of a part.
  package func bytes(of part: Part) -> UnsafeMutableRawBufferPointer {
    UnsafeMutableRawBufferPointer(
      start: address(part.offset), count: part.elements.count * declaration.element.bytes)
  }

  private func address(_ element: Int) -> UnsafeMutableRawPointer {
    UnsafeMutableRawPointer(memory.base) + element * declaration.element.bytes
  }
}
