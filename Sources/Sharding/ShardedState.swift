// The part of one state of the rule that this rank holds.
import Optimizers
import Tensors

package final class ShardedState {
  /// Neighbouring elements of a parameter's state, and their place in memory.
  package struct Part: Sendable {
    /// An index into the layout.
    package let parameter: Int
    package let elements: Range<Int>
    /// The place, in elements from the start of the memory.
    package let offset: Int
    /// Whether this rank writes them into a checkpoint.
    package let isWritten: Bool
  }

  package let declaration: OptimizerState
  package let parts: [Part]
  /// For each piece held, the place of its own elements, or of the elements of its parameter's rows or columns.
  private let places: [Range<Int>?]
  /// A state of bytes has four of them in each number; the last number is padded.
  private let memory: FlatMemory
  /// The file that the memory lies in, if it is on a disk.
  let file: OffloadFile?

  /// - Parameters:
  ///   - held: the pieces whose states this rank holds, in the order of the line.
  ///   - offload: the folder on the disk that holds them; nil for memory.
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
        // The blocks of the parameter before this piece: the piece begins at the start of a block.
        let phase = piece.phase - elements.lowerBound
        let first = OptimizerState.blocks(phase: phase, count: elements.lowerBound)
        elements = first..<OptimizerState.blocks(phase: phase, count: elements.upperBound)
      case .rows, .columns:
        if let known = parts.last, known.parameter == piece.parameter {
          places.append(known.offset..<known.offset + known.elements.count)
          continue
        }
        // Every rank with a part of the matrix has the same elements; the owner of the matrix's first number writes
        // them.
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

  /// - Throws: `UserError(.disk)` if the disk under the state has lost some of it.
  package func check() throws { try file?.check() }

  /// The first element of a piece held; nil if the state does not cover its parameter.
  func base(ofPiece index: Int) -> UnsafeMutableRawPointer? { places[index].map { address($0.lowerBound) } }

  /// The place of a piece's own part of the state, in bytes; nil for elements that pieces share, and if there are
  /// none.
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
