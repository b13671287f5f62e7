// The source of a line of weights: pieces of parameters, which many threads read at once.
import Synchronization

/// Gives the numbers of parameters, from files or at random. May be called from any thread.
package protocol WeightReader: Sendable {
  /// - Parameters:
  ///   - parameter: its index in the layout.
  ///   - elements: the range of its numbers, as many as `target` has room for.
  func read(_ parameter: Int, _ elements: Range<Int>, into target: UnsafeMutableBufferPointer<Float>) throws
  /// A parameter that lies in a file as bfloat16, mapped into memory; nil if it does not, or is not aligned.
  func halves(of parameter: Int) -> MappedHalves?
}

extension WeightReader {
  package func halves(of parameter: Int) -> MappedHalves? { nil }
}

/// bfloat16 numbers of a file, in memory as long as this value lives.
package struct MappedHalves: Sendable {
  package nonisolated(unsafe) let base: UnsafeRawPointer
  private let owner: any AnyObject & Sendable
  /// Throws if some of the bytes that were read are gone from the file.
  package let check: @Sendable () throws -> Void

  /// - Parameters:
  ///   - base: at a multiple of 2.
  ///   - owner: keeps the memory.
  package init(
    _ base: UnsafeRawPointer, of owner: any AnyObject & Sendable, check: @escaping @Sendable () throws -> Void
  ) {
    self.base = base
    self.owner = owner
    self.check = check
  }
}

/// Runs numbered tiles of work, on several threads if there are some.
package typealias TileRunner = (_ tiles: Int, _ body: @escaping (_ tile: Int) -> Void) -> Void

extension WeightReader {
  /// Reads a range of the line in pieces.
  /// - Parameter each: called on any thread for each piece, to read it into memory of its own choice.
  /// - Throws: the error of the first piece that cannot be read.
  package func read(
    _ range: Range<Int>, of layout: ParameterLayout, on run: TileRunner,
    each: @escaping (_ part: Range<Int>, _ fill: (UnsafeMutablePointer<Float>) throws -> Void) throws -> Void
  ) throws {
    // 4 MB of fp32: large enough for fast reads, and several pieces are read and written at once.
    let pieceCount = 1 << 20
    var pieces: [(parameter: Int, part: Range<Int>)] = []
    for (parameter, piece) in layout.pieces(of: range) {
      guard let index = layout.index(of: parameter.spec.name) else { continue }
      for start in stride(from: piece.lowerBound, to: piece.upperBound, by: pieceCount) {
        pieces.append((index, start..<min(start + pieceCount, piece.upperBound)))
      }
    }
    try forEachThrowing(pieces.count, on: run) { [pieces] index in
      let (parameter, part) = pieces[index]
      let start = layout.parameters[parameter].range.lowerBound
      try each(part) { target in
        try read(
          parameter, part.lowerBound - start..<part.upperBound - start,
          into: UnsafeMutableBufferPointer(start: target, count: part.count))
      }
    }
  }
}

/// Runs numbered tiles of work that may fail.
/// - Throws: the error of the first tile that has one, once all are done.
package func forEachThrowing(
  _ tiles: Int, on run: TileRunner, _ body: @escaping (_ tile: Int) throws -> Void
) throws {
  let failure = Mutex<(tile: Int, error: any Error)?>(nil)
  run(tiles) { tile in
    do { try body(tile) } catch { failure.withLock { if tile < $0?.tile ?? .max { $0 = (tile, error) } } }
  }
  if let error = failure.withLock({ $0?.error }) { throw error }
}

extension WeightLine {
  /// Sets a range of the line, rounded to its type. Call `refreshVectors` after the last range.
  package func fill(_ range: Range<Int>, from reader: any WeightReader, on run: TileRunner) throws {
    try reader.read(range, of: layout, on: run) { [self] part, fill in
      switch type {
      case .float32: try fill(floats + part.lowerBound)
      case .bfloat16:
        let room = FlatMemory(count: part.count, label: "loading")
        try fill(room.base)
        BFloat16.narrow(room.base, count: part.count, into: halves + part.lowerBound)
      }
    }
  }
}
