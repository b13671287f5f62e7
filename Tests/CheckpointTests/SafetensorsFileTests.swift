import Base
import Checkpoints
import Testing

@Suite struct SafetensorsFileTests {
  private let scratch: ScratchFolder
  init() throws { scratch = try ScratchFolder() }

  private func bytes<Element>(_ values: [Element]) -> [UInt8] { values.withUnsafeBytes { Array($0) } }

  /// Each type's bytes, and the numbers that they read as.
  private func samples() -> [(type: StoredType, data: [UInt8], floats: [Float]?, integers: [Int]?)] {
    let reals: [Float] = [1.5, -2, 0, 0.25, -0.0, 3.25]
    let halves = reals.map { UInt16($0.bitPattern >> 16) }
    let f16: [UInt16] = [0x3E00, 0xC000, 0, 0x3400, 0x8000, 0x4280]
    return [
      (.f32, bytes(reals), reals, nil),
      (.f64, bytes(reals.map(Double.init)), reals, nil),
      (.bf16, bytes(halves), reals, nil),
      (.f16, bytes(f16), reals, nil),
      (.i64, bytes([Int64.min, -1, 0, 1, 2, .max]), nil, [.min, -1, 0, 1, 2, .max]),
      (.i32, bytes([Int32.min, -1, 0, 1, 2, .max]), nil, [-2_147_483_648, -1, 0, 1, 2, 2_147_483_647]),
      (.i16, bytes([Int16.min, -1, 0, 1, 2, .max]), nil, [-32768, -1, 0, 1, 2, 32767]),
      (.i8, bytes([Int8.min, -1, 0, 1, 2, .max]), nil, [-128, -1, 0, 1, 2, 127]),
      (.u8, [0, 1, 2, 3, 4, 255], nil, [0, 1, 2, 3, 4, 255]),
      (.bool, [0, 1, 1, 0, 1, 0], nil, [0, 1, 1, 0, 1, 0]),
      (.f8E4M3, [0, 1, 2, 3, 4, 5], nil, nil),
    ]
  }

  /// The second time with one byte in front, so that nothing is aligned.
  @Test(arguments: [0, 1])
  func everyTypeIsReadAndEveryOtherRefused(shift: Int) throws {
    var tensors: [(name: String, type: StoredType, shape: [Int])] = [("shift", .u8, [shift])]
    var data = [UInt8](repeating: 7, count: shift)
    for sample in samples() {
      tensors.append((sample.type.rawValue, sample.type, [2, 1, 3]))
      data += sample.data
    }
    let header = try SafetensorsHeader(tensors: tensors, metadata: [:])
    let file = try SafetensorsFile(try scratch.file("all", header.encoded() + data))
    #expect(file.names == tensors.map(\.name))
    var cases = 0
    for sample in samples() {
      let name = sample.type.rawValue
      #expect(file.entry(name)?.shape == [2, 1, 3])
      if let expected = sample.floats {
        #expect(try floats(file, name).map(\.bitPattern) == expected.map(\.bitPattern))
        for range in [0..<0, 0..<1, 2..<5, 5..<6, 6..<6] {
          var part = [Float](repeating: .nan, count: range.count)
          try part.withUnsafeMutableBufferPointer { try file.read(name, into: $0, range: range) }
          #expect(part == Array(expected[range]))
        }
      } else {
        #expect(
          throws: UserError(
            .data, "the tensor \"\(name)\" is \(name); weights are read from F32, BF16, F16 and F64",
            at: file.path)
        ) { try floats(file, name) }
      }
      if let expected = sample.integers {
        #expect(try file.integers(name) == expected)
      } else {
        #expect(throws: UserError.self) { try file.integers(name) }
      }
      cases += 1
    }
    #expect(cases == 11)
  }

  @Test func scalarsAndEmptyTensors() throws {
    let header = try SafetensorsHeader(
      tensors: [("empty", .f32, [3, 0]), ("scalar", .f32, []), ("end", .f16, [0])], metadata: [:])
    let file = try SafetensorsFile(try scratch.file("small", header.encoded() + bytes([Float(2.5)])))
    #expect(try floats(file, "scalar") == [2.5])
    #expect(try floats(file, "empty") == [])
    #expect(try floats(file, "end") == [])
    let none = try SafetensorsHeader(tensors: [("empty", .f32, [0])], metadata: [:])
    #expect(try floats(try SafetensorsFile(try scratch.file("none", none.encoded())), "empty") == [])
  }

  @Test func whatIsNotThereIsSaid() throws {
    let header = try SafetensorsHeader(tensors: [("w", .f32, [2])], metadata: [:])
    let file = try SafetensorsFile(try scratch.file("w", header.encoded() + bytes([Float(1), 2])))
    var values = [Float](repeating: 0, count: 4)
    func read(_ name: String, _ range: Range<Int>) throws {
      try values.withUnsafeMutableBufferPointer { try file.read(name, into: $0, range: range) }
    }
    #expect(throws: UserError(.data, "holds no tensor \"v\"", at: file.path)) { try read("v", 0..<1) }
    #expect(
      throws: UserError(.data, "the tensor \"w\" has 2 elements, not the 3 that are needed", at: file.path)
    ) {
      try read("w", 1..<3)
    }
    #expect(throws: UserError.self) { try read("w", -1..<1) }
    #expect(throws: UserError(.data, "cannot be read: No such file or directory", at: "/nowhere")) {
      try SafetensorsFile("/nowhere")
    }
  }

  /// Whatever a disk or a download does to a file, reading it gives a result or one line.
  @Test func damagedFilesNeverTrap() throws {
    let header = try SafetensorsHeader(
      tensors: [("a", .f32, [2, 2]), ("b", .bf16, [3]), ("c", .i64, [1])], metadata: ["format": "pt"])
    let whole = header.encoded() + [UInt8](repeating: 0x3F, count: 16 + 6 + 8)
    var refused = 0
    var read = 0
    func attempt(_ bytes: [UInt8]) throws {
      do {
        let file = try SafetensorsFile(try scratch.file("damaged", bytes))
        for name in file.names {
          _ = try? floats(file, name)
          _ = try? file.integers(name)
        }
        read += 1
      } catch let error as UserError {
        #expect(!error.description.contains("\n"))
        refused += 1
      }
    }
    for count in 0..<whole.count { try attempt(Array(whole[..<count])) }
    #expect(refused == whole.count && read == 0, "every truncation is noticed")
    var random = PhiloxStream(seed: 11, stream: 0)
    for _ in 0..<4000 {
      var bytes = whole
      for _ in 0...random.below(3) { bytes[random.below(bytes.count)] = UInt8(random.below(256)) }
      try attempt(bytes)
    }
    #expect(refused + read == whole.count + 4000)
    #expect(read > 100 && refused > 1000)
  }
}
