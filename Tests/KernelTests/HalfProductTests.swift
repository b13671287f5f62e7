// Products of bfloat16 matrices against fp64, by all kernels that this machine has.
import Kernels
import Reference
import Tensors
import Testing

@Suite struct HalfProductTests {
  static let sizes = [
    (1, 1, 1), (3, 1, 2), (1, 17, 5), (15, 16, 17), (33, 15, 100), (100, 3, 33), (64, 64, 64),
    // Above the size where products are cut into tiles, and past the depth that is widened at once.
    (40, 700, 50), (300, 300, 300), (5, 16500, 17), (20, 30, 2500), (20, 1100, 4100),
  ]

  /// Bits of bfloat16, and the numbers they stand for.
  private static func draw(_ count: Int, _ draw: inout Draw) -> (halves: [BFloat16], values: [Float]) {
    let halves = draw.floats(count).map { BFloat16(rounding: $0) }
    return (halves, halves.map(\.float))
  }

  /// Whether this processor has dot products of bfloat16, which oneDNN needs too.
  private static let hasDots = (try? Engine(threads: 1))?.hasHalfDots == true
  private static let kernels: [HalfKernels] = hasDots ? [.dots, .oneDNN, .widened] : [.widened]

  @Test(arguments: [Transposition.none, .first, .second], kernels)
  func values(_ transposition: Transposition, _ kernels: HalfKernels) throws {
    var draw = Draw(4)
    var ran = 0
    for size in Self.sizes {
      for adding in [false, true] {
        let product = ProductCase(size, transposition, adding: adding)
        let (aHalves, a) = Self.draw(product.aRows * product.aStride, &draw)
        let (bHalves, b) = Self.draw(product.bRows * product.bStride, &draw)
        let before = product.drawBefore(&draw)
        let result = try onEveryEngine(halfKernels: kernels) { engine in
          #expect((engine.halves.reasonWhySlow != nil) == (kernels == .widened))
          let c = Floats(before)
          aHalves.withUnsafeBufferPointer { aHalves in
            bHalves.withUnsafeBufferPointer { bHalves in
              engine.multiply(
                .bfloat16(
                  HalfMatrix(
                    aHalves.baseAddress!, rows: product.aRows, columns: product.aColumns,
                    stride: product.aStride)),
                .bfloat16(
                  HalfMatrix(
                    bHalves.baseAddress!, rows: product.bRows, columns: product.bColumns,
                    stride: product.bStride)),
                transposition, into: product.target(c), adding: adding)
            }
          }
          return [c]
        }[0]
        product.expect(result, a: a, b: b, before: before)
        ran += 1
      }
    }
    #expect(ran == Self.sizes.count * 2)
  }

  @Test func embeddingsReadRoundedRows() throws {
    var draw = Draw(5)
    let (table, values) = Self.draw(7 * 19, &draw)
    let indices: [Int32] = [6, 0, 3, 3]
    let engine = try Engine(threads: 2)
    let y = Floats(count: 4 * 19)
    table.withUnsafeBufferPointer {
      engine.embed(
        indices, table: .bfloat16(HalfMatrix($0.baseAddress!, rows: 7, columns: 19)), rows: 4, into: y.base,
        adding: false)
    }
    let want = indices.flatMap { row -> ArraySlice<Float> in values[Int(row) * 19..<(Int(row) + 1) * 19] }
    #expect(y.values == want)
  }

  /// Every exponent, both signs, ties and NaN, in rows that do not fill whole vectors.
  @Test func rowsAreRoundedToTheNearest() throws {
    var values: [Float] = [
      .nan, -.nan, .infinity, -.infinity, 0, -0.0, .greatestFiniteMagnitude, .leastNonzeroMagnitude,
    ]
    for exponent in 0...255 {
      for low: UInt32 in [0, 1, 0x7FFF, 0x8000, 0x8001, 0xFFFF, 0x1_7FFF, 0x1_8000] {
        values.append(Float(bitPattern: UInt32(exponent) << 23 | low))
        values.append(Float(bitPattern: 1 << 31 | UInt32(exponent) << 23 | low))
      }
    }
    let x = Floats(values)
    let columns = 37
    let rows = values.count / columns
    let y = UnsafeMutablePointer<BFloat16>.allocate(capacity: rows * columns)
    defer { y.deallocate() }
    try Engine(threads: 2).narrow(ConstMatrix(x.input, rows: rows, columns: columns), into: y)
    var wrong = 0
    for index in 0..<rows * columns {
      let value = values[index]
      // The nearer neighbour by distance in fp64; the even one of two that are equally near.
      let down = Float(bitPattern: value.bitPattern & 0xFFFF_0000)
      let up = Float(bitPattern: (value.bitPattern & 0xFFFF_0000) &+ 0x1_0000)
      let (below, above) = (abs(Double(value) - Double(down)), abs(Double(up) - Double(value)))
      let isEven = down.bitPattern >> 16 & 1 == 0
      let nearest =
        up.isInfinite
        ? (value.bitPattern & 0xFFFF >= 0x8000 ? up : down)
        : below < above || below == above && isEven ? down : up
      let got = y[index].float
      if value.isNaN
        ? !got.isNaN || got.sign != value.sign
        : got.bitPattern != (value.isInfinite ? value : nearest).bitPattern
      {
        wrong += 1
      }
    }
    #expect(wrong == 0)
    #expect(rows > 100)
  }
}
