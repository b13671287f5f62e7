// How alike two texts are, from a few numbers of each (Broder 1997): the share of equal numbers in two signatures estimates
// the Jaccard index of their sets of shingles.
import Base

package struct MinHash {
  /// Numbers of a signature: the estimate is off by 0.035 in the mean where it is right in one case of five.
  package static let size = 128
  /// Words of a shingle.
  static let shingle = 5

  private let factors: [UInt64]
  private let terms: [UInt64]

  package init() {
    var random = PhiloxStream(seed: 0x6D69_6E68_6173_68, stream: 0)
    factors = (0..<Self.size).map { _ in random.next() | 1 }
    terms = (0..<Self.size).map { _ in random.next() }
  }

  /// nil for a text without a word.
  package func signature(_ text: [UInt8]) -> [UInt32]? { signature(of: Self.shingles(Self.words(text))) }

  /// nil without a shingle.
  package func signature(of shingles: some Sequence<UInt64>) -> [UInt32]? {
    var least = [UInt32](repeating: .max, count: Self.size)
    var isEmpty = true
    for value in shingles {
      isEmpty = false
      for number in 0..<Self.size {
        least[number] = min(least[number], UInt32((factors[number] &* value &+ terms[number]) >> 32))
      }
    }
    return isEmpty ? nil : least
  }

  /// The hashes of each few words in a row, or of all words where they are fewer.
  package static func shingles(_ words: [UInt64]) -> [UInt64] {
    guard !words.isEmpty else { return [] }
    let length = min(shingle, words.count)
    return (0...words.count - length).map { start in
      var hash = FNV1a()
      for word in words[start..<start + length] { hash.mix(word) }
      return mixed(hash.value)
    }
  }

  /// The hashes of the words, without regard to case: runs of letters and digits, and each letter of a script that has no
  /// spaces between words.
  package static func words(_ text: [UInt8]) -> [UInt64] {
    var words: [UInt64] = []
    var word: FNV1a?
    func take(_ scalar: Unicode.Scalar) {
      let value = scalar.value
      let isWord =
        value < 0x80
        ? (0x61...0x7A).contains(value) || (0x30...0x39).contains(value)
        : scalar.properties.isAlphabetic || scalar.properties.numericType != nil
      let isAlone = (0x2E80...0x9FFF).contains(value) || (0x20000...0x3FFFF).contains(value)
      if !isWord || isAlone, let ended = word {
        words.append(ended.value)
        word = nil
      }
      guard isWord else { return }
      var hash = word ?? FNV1a()
      hash.mix(UInt64(value))
      if isAlone { words.append(hash.value) } else { word = hash }
    }
    for scalar in String(decoding: text, as: UTF8.self).unicodeScalars {
      if scalar.isASCII {
        take((0x41...0x5A).contains(scalar.value) ? Unicode.Scalar(scalar.value | 0x20)! : scalar)
      } else {
        for lower in scalar.properties.lowercaseMapping.unicodeScalars { take(lower) }
      }
    }
    if let word { words.append(word.value) }
    return words
  }

  /// All bits of a number spread (the finaliser of MurmurHash3).
  package static func mixed(_ number: UInt64) -> UInt64 {
    var value = number
    value = (value ^ value >> 33) &* 0xFF51_AFD7_ED55_8CCD
    value = (value ^ value >> 33) &* 0xC4CE_B9FE_1A85_EC53
    return value ^ value >> 33
  }
}

/// Texts that were kept, found again by bands of their signatures. Some 1.4 kB a text, and up to twice
/// that where memory has just grown.
package struct NearTexts {
  private let threshold: Double
  /// Numbers of a band: texts as alike as the threshold share one nearly always.
  private let width: Int
  /// One behind the other.
  private var signatures: [UInt32] = []
  /// The last text that has a band, by the band's hash.
  private var last: [UInt64: Int32] = [:]
  /// For each band of each text, the text before it that has the band too; -1 for none.
  private var before: [Int32] = []
  package private(set) var count = 0

  package init(threshold: Double) {
    self.threshold = threshold
    // Of 128 / width bands, one is equal with probability 1 − (1 − t^width)^(128 / width).
    width =
      [16, 8, 4, 2].first { width in
        let t = max(0, threshold - 0.05)
        return 1 - power(1 - power(t, width), MinHash.size / width) >= 0.995
      } ?? 1
  }

  /// Which of the kept texts is as alike as asked for, the first of them; otherwise keeps this one as well.
  package mutating func findOrKeep(_ signature: [UInt32]) -> Int? {
    let keys = keys(signature)
    if let found = find(signature, keys) { return found }
    keep(signature, keys)
    return nil
  }

  /// Which of the kept texts is as alike as asked for, the first of them; nil where none is.
  package func find(_ signature: [UInt32]) -> Int? { find(signature, keys(signature)) }

  /// Keeps a text; the numbers of texts count from 0.
  package mutating func keep(_ signature: [UInt32]) { keep(signature, keys(signature)) }

  private func keys(_ signature: [UInt32]) -> [UInt64] {
    stride(from: 0, to: MinHash.size, by: width).map { start in
      var hash = FNV1a()
      hash.mix(UInt64(start))
      for number in signature[start..<start + width] { hash.mix(UInt64(number)) }
      return hash.value
    }
  }

  private func find(_ signature: [UInt32], _ keys: [UInt64]) -> Int? {
    var candidates: Set<Int32> = []
    for (band, key) in keys.enumerated() {
      var next = last[key] ?? -1
      while next >= 0 {
        candidates.insert(next)
        next = before[Int(next) * keys.count + band]
      }
    }
    return candidates.sorted().first { isNear(Int($0), signature) }.map(Int.init)
  }

  private func isNear(_ text: Int, _ signature: [UInt32]) -> Bool {
    let start = text * MinHash.size
    let same = (0..<MinHash.size).count { signatures[start + $0] == signature[$0] }
    return Double(same) >= threshold * Double(MinHash.size)
  }

  private mutating func keep(_ signature: [UInt32], _ keys: [UInt64]) {
    signatures.append(contentsOf: signature)
    for key in keys { before.append(last.updateValue(Int32(count), forKey: key) ?? -1) }
    count += 1
  }
}

private func power(_ base: Double, _ exponent: Int) -> Double {
  (0..<exponent).reduce(1) { product, _ in product * base }
}
