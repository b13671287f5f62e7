// deduplicate: of rows with equal texts, or texts that are nearly equal, the first stays.
import Base
import Collectives
import Metrics

package final class Deduplicate: RoundStep, TextStep {
  package static let name = "deduplicate"
  package let record = StepRecord()
  let columns: TextColumns
  private let minHash = MinHash()
  private var near: NearTexts?
  /// The rows that were kept, by the hash of their texts, and by their place in `near`.
  private var seen: [Fingerprint: RowPlace] = [:]
  private var nearPlaces: [RowPlace] = []

  private struct Fingerprint: Hashable { var a, b: UInt64 }
  private struct RowPlace { var file, line: UInt32 }

  package init(_ section: Section, _ facts: StepFacts) {
    columns = TextColumns(section)
    let threshold = section.has("near") ? section.number("near", in: 0.3...1) : nil
    near = threshold.map { NearTexts(threshold: $0) }
  }

  /// The words that other ranks need to know about a row: two of a hash of 128 bits, its place, and its signature.
  private func words(_ row: PreparedRow) -> [UInt64] {
    let texts = columns.texts(of: row.json)
    // A row without such texts is like no other.
    guard texts.contains(where: { !$0.isEmpty }) else { return [] }
    var (first, second) = (FNV1a(), FNV1a())
    second.mix(0x9E37_79B9_7F4A_7C15)
    for text in texts {
      for byte in text {
        first.mix(UInt64(byte))
        second.mix(MinHash.mixed(UInt64(byte)))
      }
      first.mix(256)
      second.mix(256)
    }
    var words = [first.value, second.value, UInt64(row.file) << 32 | UInt64(UInt32(clamping: row.line))]
    if near != nil, let signature = minHash.signature(Array(texts.joined(separator: [0x0A]))) {
      for pair in stride(from: 0, to: signature.count, by: 2) {
        words.append(UInt64(signature[pair]) << 32 | UInt64(signature[pair + 1]))
      }
    }
    return words
  }

  package func run(_ rows: [PreparedRow], _ ranks: Ranks) throws -> [PreparedRow] {
    let gathered = ranks.gather(rows, words: rows.map(words))
    var kept: [PreparedRow] = []
    for found in gathered {
      let isMine = found.rank == ranks.rank
      let twin = decide(found.words)
      guard isMine else { continue }
      let row = rows[found.place]
      if let (twin, isNear) = twin {
        record.remove(row, isNear ? "near duplicate" : "duplicate", [("of", .string(name(twin, row)))])
      } else {
        kept.append(row)
      }
    }
    return kept
  }

  private func name(_ place: RowPlace, _ row: PreparedRow) -> String {
    var other = row
    (other.file, other.line) = (Int(place.file), Int(place.line))
    return record.place(other)
  }

  /// The row that stays in the place of this one; nil if this one stays.
  private func decide(_ words: ArraySlice<UInt64>) -> (RowPlace, isNear: Bool)? {
    guard words.count >= 3 else { return nil }
    let start = words.startIndex
    let hash = Fingerprint(a: words[start], b: words[start + 1])
    let place = RowPlace(
      file: UInt32(truncatingIfNeeded: words[start + 2] >> 32),
      line: UInt32(truncatingIfNeeded: words[start + 2]))
    if let twin = seen[hash] { return (twin, false) }
    if near != nil, words.count > 3 {
      let signature = words[(start + 3)...].flatMap {
        [UInt32(truncatingIfNeeded: $0 >> 32), UInt32(truncatingIfNeeded: $0)]
      }
      // An equal text is found sooner by its hash, also if only a near one of it was kept.
      if let twin = near?.findOrKeep(signature) {
        seen[hash] = nearPlaces[twin]
        return (nearPlaces[twin], true)
      }
      nearPlaces.append(place)
    }
    seen[hash] = place
    return nil
  }
}
