// Products with frozen matrices against fp64 products of the widened ones.
import Kernels
import Reference
import Tensors
import Testing

@Suite struct FrozenProductTests {
  static let sizes = [
    (1, 1, 1), (3, 1, 2), (1, 17, 5), (15, 16, 17), (33, 15, 100), (100, 3, 33), (64, 64, 64),
    // Above the bound where products are cut into tiles, and past the depth and columns that are widened at once.
    (40, 700, 50), (300, 300, 300), (20, 30, 2500), (3, 77, 257), (3, 700, 2500),
  ]

  @Test(arguments: FrozenStorageTests.storages, [Transposition.none, .second])
  func values(_ storage: FrozenStorage, _ transposition: Transposition) throws {
    var draw = Draw(310)
    var ran = 0
    for size in Self.sizes {
      for adding in [false, true] {
        // Frozen matrices lie dense.
        let product = ProductCase(size, transposition, adding: adding, bGap: 0)
        let stored = StoredMatrix(
          storage, rows: product.bRows, columns: product.bColumns,
          draw.floats(product.bRows * product.bColumns))
        let a = draw.floats(product.aRows * product.aStride)
        let before = product.drawBefore(&draw)
        for type in ElementType.allCases {
          let halves = a.map { BFloat16(rounding: $0) }
          let floats = Floats(a)
          let result = try onEveryEngine { engine in
            let c = Floats(before)
            halves.withUnsafeBufferPointer { halves in
              engine.multiply(
                type == .float32
                  ? .float32(
                    ConstMatrix(
                      floats.input, rows: product.aRows, columns: product.aColumns, stride: product.aStride))
                  : .bfloat16(
                    HalfMatrix(
                      halves.baseAddress!, rows: product.aRows, columns: product.aColumns,
                      stride: product.aStride)),
                .frozen(stored.matrix), transposition, into: product.target(c), adding: adding)
            }
            return [c]
          }[0]
          func rounded(_ x: [Float]) -> [Float] {
            type == .float32 ? x : x.map { BFloat16(rounding: $0).float }
          }
          product.expect(result, a: rounded(a), b: rounded(stored.values), before: before)
          ran += 1
        }
      }
    }
    #expect(ran == Self.sizes.count * 4)
  }

  @Test func notANumberReachesTheProduct() throws {
    var draw = Draw(311)
    var ran = 0
    for storage in FrozenStorageTests.storages {
      for transposition in [Transposition.none, .second] {
        var x = draw.floats(70 * 70)
        x[31 * 70 + 4] = .nan
        let stored = StoredMatrix(storage, rows: 70, columns: 70, x)
        let a = Floats(draw.floats(70 * 70))
        let c = Floats(count: 70 * 70, of: 0)
        try Engine(threads: 2).multiply(
          .float32(ConstMatrix(a.input, rows: 70, columns: 70)), .frozen(stored.matrix), transposition,
          into: MutableMatrix(c.base, rows: 70, columns: 70))
        let column = transposition == .none ? 4 : 31
        #expect((0..<70).allSatisfy { !c.values[$0 * 70 + column].isFinite }, "\(storage), \(transposition)")
        ran += 1
      }
    }
    #expect(ran == 10)
  }
}
