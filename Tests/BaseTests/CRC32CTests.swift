// CRC-32C against published vectors, and against itself in parts.
import Base
import Testing

@Suite struct CRC32CTests {
  /// RFC 3720, appendix B.4, and the check value of the catalogue of CRC algorithms (CRC-32/ISCSI).
  private static let vectors: [(bytes: [UInt8], value: UInt32)] = [
    ([UInt8](repeating: 0, count: 32), 0x8A91_36AA),
    ([UInt8](repeating: 0xFF, count: 32), 0x62A8_AB43),
    (Array(0..<32), 0x46DD_794E),
    (Array((0..<32).reversed()), 0x113F_DB5C),
    (readCommand, 0xD996_3A56),
    (Array("123456789".utf8), 0xE306_9283),
    ([], 0),
  ]

  /// An iSCSI read command.
  private static let readCommand: [UInt8] = {
    var bytes = [UInt8](repeating: 0, count: 48)
    for (place, byte) in [
      (0, 0x01), (1, 0xC0), (16, 0x14), (22, 0x04), (27, 0x14), (31, 0x18), (32, 0x28), (40, 0x02),
    ] {
      bytes[place] = UInt8(byte)
    }
    return bytes
  }()

  @Test(arguments: vectors) func publishedVectors(_ bytes: [UInt8], value: UInt32) {
    #expect(CRC32C(bytes).value == value)
    var crc = CRC32C()
    bytes.withUnsafeBytes { crc.updateByTable($0) }
    #expect(crc.value == value)
  }

  private let bytes: [UInt8] = {
    var random = PhiloxStream(seed: 3, stream: 0)
    return (0..<1000).map { _ in UInt8(truncatingIfNeeded: random.next()) }
  }()

  /// One bit at a time, straight from the definition.
  private func plain(_ bytes: some Sequence<UInt8>) -> UInt32 {
    ~bytes.reduce(~0) { crc, byte -> UInt32 in
      (0..<8).reduce(crc ^ UInt32(byte)) { crc, _ -> UInt32 in crc >> 1 ^ (crc & 1 == 1 ? 0x82F6_3B78 : 0) }
    }
  }

  @Test func everyLengthAndAlignment() {
    for count in 0..<70 {
      for start in 0..<17 {
        let part = bytes[start..<start + count]
        var crc = CRC32C()
        bytes.withUnsafeBytes { crc.update(UnsafeRawBufferPointer(rebasing: $0[start..<start + count])) }
        #expect(crc.value == plain(part))
      }
    }
    #expect(CRC32C(bytes).value == plain(bytes))
  }

  @Test func partsGiveTheWhole() {
    let whole = CRC32C(bytes).value
    for cut in [0, 1, 7, 16, 500, 999, 1000] {
      let (first, second) = (CRC32C(bytes[..<cut]).value, CRC32C(bytes[cut...]).value)
      #expect(CRC32C.combine(first, second, secondCount: 1000 - cut) == whole)
    }
    // In any order, each shifted by what follows it.
    let cuts = [0, 3, 3, 100, 640, 1000]
    let parts = zip(cuts, cuts.dropFirst()).map { start, end in
      CRC32C.shifted(CRC32C(bytes[start..<end]).value, by: 1000 - end)
    }
    #expect(parts.reversed().reduce(0, ^) == whole)
    var stepped = CRC32C()
    for (start, end) in zip(cuts, cuts.dropFirst()) {
      bytes.withUnsafeBytes { stepped.update(UnsafeRawBufferPointer(rebasing: $0[start..<end])) }
    }
    #expect(stepped.value == whole)
  }

  /// Files of many gigabytes cannot be made here; what shifts by their lengths do can.
  @Test func longShiftsAddUp() {
    let zeros = [UInt8](repeating: 0, count: 1 << 20)
    let crc = CRC32C(bytes).value
    #expect(
      CRC32C.combine(crc, CRC32C(zeros).value, secondCount: zeros.count) == CRC32C(bytes + zeros).value)
    for exponent in 20..<60 {
      let half = CRC32C.shifted(crc, by: (1 << exponent) + 5)
      let whole = CRC32C.shifted(half, by: (1 << exponent) - 3)
      #expect(whole == CRC32C.shifted(crc, by: (1 << (exponent + 1)) + 2))
    }
  }

  @Test func digitsAreEight() {
    #expect(CRC32C.digits(0x12AB) == "000012ab")
    #expect(CRC32C.digits(0xE306_9283) == "e3069283")
  }
}
