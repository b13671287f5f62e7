// Attention of the queries of one chunk to the keys of the whole sequence (context parallelism).
//
// Sequences of T tokens are cut into 2C pieces, and chunk c of C has pieces c and 2C − 1 − c, so that all chunks see as
// many keys. Each chunk puts its keys and values into memory that all of them read. In backward each chunk leaves
// gradients of all keys and values, and every chunk adds up those of its own, in the order of the chunks: the bits of a
// result depend on C alone, and not on which process computes which chunk.
//
// (The way of Llama 3's training: all keys and values are gathered, Dubey et al. 2024, section 3.3.2; the two pieces of
// a chunk as in Ring Flash Attention's zigzag.)
import Kernels

/// What the chunks of a sequence share, wherever they are computed.
package protocol ContextMemory: AnyObject, Sendable {
  /// Floats of the room for keys and values, and of that of each chunk's gradients.
  var room: Int { get }
  var chunks: Int { get }
  /// [B, T, 2G · D]: the keys of all key heads, then their values, in the order of positions.
  var keys: UnsafeMutablePointer<Float> { get }
  /// The gradients that a chunk leaves of them.
  func gradients(ofChunk chunk: Int) -> UnsafeMutablePointer<Float>
  /// Says that this process has done its part so far.
  func arrive()
  /// Waits until all have arrived as often as this process.
  /// - Parameter meanwhile: called now and then.
  func waitForAll(_ meanwhile: (() -> Void)?)
}

/// Which chunk of its sequences a run computes.
package struct ContextChunk: Sendable {
  package let index: Int
  package let memory: any ContextMemory

  package init(index: Int, memory: any ContextMemory) {
    self.index = index
    self.memory = memory
  }
}

/// How a sequence of T tokens is cut.
package struct ContextPieces: Sendable, Equatable {
  package let chunks: Int
  /// Tokens of a piece; the last pieces are padded.
  package let piece: Int
  /// Tokens of a chunk, and of all.
  package var chunkLength: Int { 2 * piece }
  package var length: Int { 2 * chunks * piece }

  package init(length: Int, chunks: Int) {
    self.chunks = chunks
    piece = (length + 2 * chunks - 1) / (2 * chunks)
  }

  /// Where the tokens of a chunk stand.
  package func places(ofChunk chunk: Int) -> RowPlaces {
    RowPlaces(first: chunk * piece, second: (2 * chunks - 1 - chunk) * piece, piece: piece)
  }
}

extension BatchShape {
  /// The shape of one of so many chunks of each sequence.
  package func cut(into chunks: Int) -> BatchShape {
    guard chunks > 1 else { return self }
    var shape = self
    shape.length = ContextPieces(length: length, chunks: chunks).chunkLength
    shape.chunks = chunks
    return shape
  }
}

extension Attention {
  /// How many parts an entry has in between which the chunks wait for each other.
  static func parts(of phase: Phase) -> Int { if case .backward = phase { 3 } else { 2 } }

  /// Runs a part of forward or backward for one chunk.
  func run(part: Int, _ frame: Frame) {
    guard let chunk = frame.input.chunk else { preconditionFailure("the batch is no chunk") }
    precondition(
      shape.sequences * shape.keySequenceStride <= chunk.memory.room, "no room for so many keys and values")
    switch (frame.phase, part) {
    case (.backward, 0):
      if frame.isRenewed(q.input) { rotateQueries(matrix(q, frame), frame) }
      if frame.isRenewed(k.input) { rotateKeys(matrix(k, frame), frame) }
      share(chunk, frame)
    case (.backward, 1): addToAll(chunk, frame)
    case (.backward, _): takeOwn(chunk, frame)
    case (_, 0):
      rotateQueries(matrix(q, frame), frame)
      rotateKeys(matrix(k, frame), frame)
      share(chunk, frame)
    default:
      frame.engine.attention(
        shape, q: matrix(q, frame), k: chunk.memory.keys, v: chunk.memory.keys + valueStart,
        intervals: intervals(frame), dropout: dropout(frame), sampleIDs: frame.input.sampleIDs,
        output: frame.output(0), logSums: frame.kept(0), scratch: frame.scratch)
    }
  }

  private var valueStart: Int { shape.keyHeads * shape.headWidth }

  /// Calls `body` for this chunk's rows, with the place of a row's numbers in what is shared.
  private func forEachRow(_ frame: Frame, _ body: (_ row: Int, _ shared: Int) -> Void) {
    let places = frame.input.places
    let (rows, tile) = (shape.sequences * shape.queries, 32)
    frame.engine.pool.run((rows + tile - 1) / tile) { number, _ in
      for row in number * tile..<min((number + 1) * tile, rows) {
        let (sequence, query) = row.quotientAndRemainder(dividingBy: shape.queries)
        body(row, sequence * shape.keySequenceStride + places.place(of: query) * shape.keyStride)
      }
    }
  }

  /// Puts the keys and values of this chunk where all read them.
  private func share(_ chunk: ContextChunk, _ frame: Frame) {
    let (keys, values) = (matrix(k, frame), matrix(v, frame))
    let (shared, width) = (chunk.memory.keys, shape.headWidth)
    forEachRow(frame) { row, place in
      for head in 0..<shape.keyHeads {
        let target = shared + place + head * width
        let source = row * keyStride + head * headStride
        target.update(from: keys + source, count: width)
        (target + valueStart).update(from: values + source, count: width)
      }
    }
  }

  /// Where the gradient of a matrix of this chunk's rows goes.
  private func target(_ place: Place, _ frame: Frame) -> UnsafeMutablePointer<Float>? {
    guard let target = frame.inputGradient(place.input) else { return nil }
    precondition(!target.adding, "something else reads the queries, keys and values")
    return target.base + place.start
  }

  /// Writes the gradients of the queries, and what they give to those of all keys and values.
  private func addToAll(_ chunk: ContextChunk, _ frame: Frame) {
    let dq = target(q, frame)
    let shared = chunk.memory.gradients(ofChunk: chunk.index)
    let gradients = AttentionGradients(
      q: matrix(q, frame), k: chunk.memory.keys, v: chunk.memory.keys + valueStart, output: frame.output(0),
      dOutput: frame.outputGradient(0), logSums: frame.kept(0), dq: dq,
      dk: target(k, frame) == nil ? nil : shared, dv: target(v, frame) == nil ? nil : shared + valueStart)
    frame.engine.attentionBackward(
      shape, gradients, intervals: intervals(frame), dropout: dropout(frame),
      sampleIDs: frame.input.sampleIDs, scratch: frame.scratch)
    if let dq { rotateQueries(dq, frame, inverse: true) }
  }

  /// Adds up what all chunks give to the gradients of this chunk's keys and values.
  private func takeOwn(_ chunk: ContextChunk, _ frame: Frame) {
    let (dk, dv, width) = (target(k, frame), target(v, frame), shape.headWidth)
    guard dk != nil || dv != nil else { return }
    let memory = chunk.memory
    forEachRow(frame) { row, place in
      func add(_ d: UnsafeMutablePointer<Float>?, _ start: Int) {
        guard let d else { return }
        for head in 0..<shape.keyHeads {
          let target = d + row * keyStride + head * headStride
          let source = place + start + head * width
          target.update(from: memory.gradients(ofChunk: 0) + source, count: width)
          for other in 1..<memory.chunks {
            frame.engine.addHere(
              target, memory.gradients(ofChunk: other) + source, count: width, into: target)
          }
        }
      }
      add(dk, 0)
      add(dv, valueStart)
    }
    if let dk { rotateKeys(dk, frame, inverse: true) }
  }
}
