// What is packed between forward and backward comes back rounded to the nearest, whatever the number of threads.
import Kernels
import Reference
import Testing

@Suite struct ActivationStorageTests {
  /// Around blocks of 64, vectors, and the stretches that threads take.
  static let counts = [1, 3, 63, 64, 65, 1000, 16384, 16385, 50_001]

  private func packed(_ values: [Float], _ storage: ActivationStorage) throws -> [Float] {
    try onEveryEngine { engine in
      let (x, room) = (Floats(values), Floats(count: storage.room(values.count)))
      let y = Floats(count: values.count)
      engine.pack(x.input, count: values.count, as: storage, into: room.base)
      engine.unpack(room.base, count: values.count, as: storage, into: y.base)
      _ = room.values
      return [y]
    }[0]
  }

  @Test(arguments: ActivationStorage.allCases) func roundsToTheNearest(_ storage: ActivationStorage) throws {
    var draw = Draw(7)
    for count in Self.counts {
      let values = draw.floats(count)
      let result = try packed(values, storage)
      for start in stride(from: 0, to: count, by: 64) {
        let block = start..<min(start + 64, count)
        let largest = values[block].map(abs).max() ?? 0
        for index in block {
          let bound: Float =
            switch storage {
            case .float32: 0
            case .bfloat16: abs(values[index]) / 256
            case .int8: largest / 254 * 1.0001
            }
          #expect(abs(result[index] - values[index]) <= bound, "\(storage), \(index) of \(count)")
        }
      }
    }
  }

  @Test func whatIsNotFiniteIsNotHidden() throws {
    var values = [Float](repeating: 1, count: 200)
    values[70] = .infinity
    values[150] = .nan
    let halves = try packed(values, .bfloat16)
    #expect(halves[70] == .infinity && halves[150].isNaN && halves.filter { $0 == 1 }.count == 198)
    let bytes = try packed(values, .int8)
    #expect(bytes[0..<64].allSatisfy { $0 == 1 } && bytes[192...].allSatisfy { $0 == 1 })
    #expect(bytes[64..<192].allSatisfy { $0.isNaN })
  }

  @Test func theMemoryThatItTakes() {
    #expect(ActivationStorage.float32.room(640) == 640)
    #expect(ActivationStorage.bfloat16.room(640) == 320)
    #expect(ActivationStorage.int8.room(640) == 160 + 10)
  }
}
