// Texts that must not be in training, and which of their thirteen words in a row are there (Brown et al. 2020, appendix C).
import Base
import Metrics

/// Rows of reference, and what was found of them.
package struct WordGrams: Sendable {
  /// Words of a gram; a text with fewer is one gram, if it has at least `fewest`.
  static let words = 13
  static let fewest = 8
  /// A gram of more rows than this is a phrase that all of them have.
  private static let mostRows = 10
  /// So many words are kept.
  private static let most = 20_000_000

  private struct Gram {
    /// Rows of reference that have it, up to `mostRows` and one; the last of them.
    var rows: Int32 = 0
    var lastRow: Int32 = -1
    /// How often it was found, up to as many.
    var hits: Int32 = 0
    /// The first row that it was found in.
    var firstHit: Int32 = -1
  }

  private var grams: [UInt64: Gram] = [:]
  /// Of each row, its place and its first word among those of all rows.
  private var rows: [(place: String, text: String, firstWord: Int)] = []
  private var starts: [(hash: UInt64, word: Int, count: Int)] = []
  private var wordCount = 0
  /// The lengths of grams that there are.
  private var lengths: Set<Int> = []
  /// Places of rows in which grams were found.
  private var hitPlaces: [String] = []

  package init() {}

  package var isEmpty: Bool { grams.isEmpty }
  package var rowCount: Int { rows.count }
  var isFull: Bool { wordCount >= Self.most }

  /// Adds a row of reference.
  /// - Parameters:
  ///   - words: the hashes of the words of each of its texts.
  ///   - text: what shows it.
  package mutating func add(_ words: [[UInt64]], at place: String, _ text: @autoclosure () -> String) {
    guard !isFull, words.contains(where: { $0.count >= Self.fewest }) else { return }
    let row = Int32(rows.count)
    rows.append((place, text(), wordCount))
    for words in words {
      if words.count >= Self.fewest {
        let length = min(Self.words, words.count)
        lengths.insert(length)
        Self.forEach(in: words, length) { hash, start in
          var gram = grams[hash] ?? Gram()
          if gram.lastRow != row, gram.rows <= Self.mostRows { gram.rows += 1 }
          gram.lastRow = row
          grams[hash] = gram
          starts.append((hash, wordCount + start, length))
        }
      }
      wordCount += words.count
    }
  }

  /// Looks for grams in a row that is compared.
  mutating func find(in words: [[UInt64]], at place: String) {
    var isNamed = false
    for words in words {
      for length in lengths {
        Self.forEach(in: words, length) { hash, _ in
          guard var gram = grams[hash], gram.rows <= Self.mostRows, gram.hits <= Self.mostRows else { return }
          if !isNamed {
            hitPlaces.append(place)
            isNamed = true
          }
          gram.hits += 1
          if gram.firstHit < 0 { gram.firstHit = Int32(hitPlaces.count - 1) }
          grams[hash] = gram
        }
      }
    }
  }

  private static func forEach(in words: [UInt64], _ length: Int, _ body: (UInt64, Int) -> Void) {
    guard words.count >= length else { return }
    for start in 0...words.count - length {
      var hash = FNV1a()
      hash.mix(UInt64(length))
      for word in words[start..<start + length] { hash.mix(word) }
      body(MinHash.mixed(hash.value), start)
    }
  }

  /// A row of reference that was found.
  struct Overlap {
    let place: String
    let text: String
    /// The row in which a part of it was found first.
    let foundIn: String
    /// The share of its words that were found, 0...1, among those that are in no phrase.
    let share: Double
  }

  /// The rows of which a gram was found, those with the most of their words first. What stands in several rows of
  /// reference and in many of those that are compared is a phrase, and does not count.
  func overlaps() -> [Overlap] {
    var covered = [Bool](repeating: false, count: wordCount)
    var isPhrase = covered
    var foundIn: [Int: Int32] = [:]
    var row = 0
    for (hash, word, count) in starts {
      while row + 1 < rows.count, rows[row + 1].firstWord <= word { row += 1 }
      guard let gram = grams[hash] else { continue }
      if gram.rows > Self.mostRows || gram.rows > 1 && gram.hits > Self.mostRows {
        for place in word..<word + count { isPhrase[place] = true }
        continue
      }
      guard gram.hits > 0 else { continue }
      for place in word..<word + count { covered[place] = true }
      if foundIn[row] == nil { foundIn[row] = gram.firstHit }
    }
    return foundIn.keys.sorted().map { number in
      let end = number + 1 < rows.count ? rows[number + 1].firstWord : wordCount
      let words = (rows[number].firstWord..<end).filter { !isPhrase[$0] }
      return Overlap(
        place: rows[number].place, text: rows[number].text, foundIn: hitPlaces[Int(foundIn[number] ?? 0)],
        share: Double(words.count { covered[$0] }) / Double(max(words.count, 1)))
    }.enumerated().sorted { ($1.element.share, $0.offset) < ($0.element.share, $1.offset) }.map(\.element)
  }
}
