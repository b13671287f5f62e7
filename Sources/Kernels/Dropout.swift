// Dropout (Srivastava et al. 2014): y = x · m / (1 − p), m = 0 with probability p, else 1.
//
// m is drawn by `SampleDraw`, and backward draws it again instead of storing it.

/// Where the rows of a part of a sequence stand in it: two runs of `piece` rows, or one that begins at 0.
package struct RowPlaces: Sendable, Equatable {
  package var first = 0
  package var second = 0
  package var piece = Int.max

  package init() {}

  package init(first: Int, second: Int, piece: Int) {
    self.first = first
    self.second = second
    self.piece = piece
  }

  /// - Parameter row: counted within the part.
  @inline(__always)
  package func place(of row: Int) -> Int { row < piece ? first + row : second + row - piece }
}

/// The dropout of one site in one step.
package struct Dropout: Sendable {
  private let draw: SampleDraw
  private let places: RowPlaces
  /// Elements whose word is below this are dropped.
  let threshold: UInt32
  let scale: Float

  /// - Parameters:
  ///   - probability: the probability of an element to become 0, in 0..<1.
  ///   - site: the number of the operation in the model that drops.
  ///   - places: where the rows of each sample stand in it.
  package init(
    probability: Double, seed: UInt64, step: Int, site: Int, places: RowPlaces = RowPlaces()
  ) {
    precondition(probability > 0 && probability < 1, "a dropout of \(probability)")
    draw = SampleDraw(seed: seed, step: step, site: site)
    self.places = places
    threshold = UInt32(probability * 0x1p32)
    scale = Float(1 / (1 - probability))
  }

  /// Factors (0 or 1/(1−p)) of 32 neighbouring elements: number 32·block and on.
  @inline(__always)
  func factors(block: Int, plane: Int = 0, position: Int, sample: Int32) -> (Vector, Vector) {
    let (a, b) = draw.words(
      block: block, plane: plane, position: places.place(of: position), sample: sample)
    let limit = SIMD16<UInt32>(repeating: threshold)
    let keep = Vector(repeating: scale)
    return (
      keep.replacing(with: 0, where: a .< limit),
      keep.replacing(with: 0, where: b .< limit)
    )
  }

  /// Multiplies a row of `count` elements by its factors. `plane` distinguishes rows of one position (heads).
  @inline(__always)
  func apply(
    _ x: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>, count: Int, plane: Int = 0, position: Int,
    sample: Int32, adding: Bool = false
  ) {
    for block in 0..<(count + 31) / 32 {
      let (a, b) = factors(block: block, plane: plane, position: position, sample: sample)
      let start = block * 32
      let first = Lanes(offset: start, count: min(16, count - start))
      first.store(first.load(x) * a, y, adding: adding)
      if count > start + 16 {
        let second = Lanes(offset: start + 16, count: min(16, count - start - 16))
        second.store(second.load(x) * b, y, adding: adding)
      }
    }
  }
}

extension Engine {
  /// y = dropout(x) on [samples · length, columns]; backward is the same call with dy and dx.
  /// - Parameter sampleIDs: [samples], the number in the step of each sequence's sample.
  package func dropout(
    _ x: UnsafePointer<Float>, _ dropout: Dropout, sampleIDs: UnsafePointer<Int32>, length: Int, rows: Int,
    columns: Int, into y: UnsafeMutablePointer<Float>, adding: Bool = false
  ) {
    pool.run((rows + 7) / 8) { tile, _ in
      for row in tile * 8..<min((tile + 1) * 8, rows) {
        dropout.apply(
          x + row * columns, into: y + row * columns, count: columns, position: row % length,
          sample: sampleIDs[row / length], adding: adding)
      }
    }
  }
}
