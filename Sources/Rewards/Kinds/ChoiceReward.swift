// choice: 1 where the answer chooses the letter that the reference does; else 0.
import Base

package struct ChoiceReward: Reward {
  package static let name = "choice"
  private let letters: [UInt8]

  package init(_ section: Section) {
    let text = section.text("letters", default: "ABCDE")
    letters = Array(text.utf8)
    if !letters.allSatisfy({ (0x41...0x5A).contains($0) }) {
      section.fail("letters", "is \(text.quoted), where capital letters are meant", hint: "such as ABCD")
    }
  }

  package func callAsFunction(_ answer: RewardedAnswer) -> Double {
    guard let expected = answer.reference.flatMap(chosen), let given = chosen(answer.completion) else {
      return 0
    }
    return given == expected ? 1 : 0
  }

  /// The last letter behind "answer", or else the first that stands by itself, as in `B`, `(B)` or `B.`
  private func chosen(_ text: [UInt8]) -> UInt8? {
    let marker = Array("answer".utf8)
    let start = text.indices.reversed().first { place in
      text.count - place >= marker.count
        && zip(text[place...], marker).allSatisfy { $0 | 0x20 == $1 }
    }
    if let start, let found = first(in: text[start...]) { return found }
    return first(in: text[...])
  }

  private func first(in text: ArraySlice<UInt8>) -> UInt8? {
    func isWord(_ place: Int) -> Bool {
      guard text.indices.contains(place) else { return false }
      let byte = text[place]
      return (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte & 0xDF) || byte >= 0x80
        || byte == UInt8(ascii: "'")
    }
    return text.indices.first { letters.contains(text[$0]) && !isWord($0 - 1) && !isWord($0 + 1) }.map {
      text[$0]
    }
  }
}
