// The language of a text, by the words that each language has most: enough to tell what data is made of.
import Metrics

enum Language {
  /// The most frequent words of a language that few others have.
  private static let frequent: [(name: String, words: String)] = [
    (
      "English",
      "the of and to is that it for was with as be this are by not have from they which you at or an his her she he there will what how many each their than one has had do when all were if who my so but can more"
    ),
    (
      "German",
      "der die und den von das mit sich des auf für ist nicht dem ein eine als auch es an werden aus er hat"
    ),
    (
      "French",
      "le la les des et du que dans est pour qui une sur au pas avec par ce il sont ne cette vous aux"
    ),
    (
      "Spanish",
      "el los las que del en por con una para es como más pero sus su este lo son entre está cuando muy"
    ),
    (
      "Portuguese",
      "que não uma os com para em dos da do ao mais como as foi ele das tem seu sua ser são pelo também"
    ),
    (
      "Italian",
      "di che il della per è non sono una con del le gli dei nel alla più anche come si ha questo delle ed"
    ),
    (
      "Dutch",
      "de het een van en dat niet met op zijn voor te aan er ook maar om bij als uit nog naar hij deze"
    ),
    ("Swedish", "och att det som för på är av med den till inte har jag ett om de men var så från han kan"),
    (
      "Danish and Norwegian",
      "og det at er som på til af av med den ikke har jeg om et men var så fra han kan vi ble"
    ),
    (
      "Finnish",
      "ja on ei se että oli hän mutta ovat kun tai niin myös joka minä sen ole kuin vain mitä olen nyt"
    ),
    (
      "Polish",
      "nie się na że jest do jak ale to po co tak już od przez był są tym dla które może czy tylko ich"
    ),
    (
      "Czech",
      "se na je že to jsem jako ale jsou by po jak od který pro také když není nebo která bylo až být"
    ),
    (
      "Hungarian",
      "hogy nem egy az is meg de ez csak már van volt azt ha még mint vagy olyan után kell minden lehet"
    ),
    (
      "Romanian", "și de la în nu că cu este pe din un mai care pentru sunt au dar fost prin său după această"
    ),
    (
      "Turkish",
      "bir ve bu için ile da de çok ne gibi daha olarak olan var ama kadar sonra ben her değil en mi"
    ),
    (
      "Indonesian and Malay",
      "yang dan di ini itu dengan untuk tidak dari dalam akan pada juga ke adalah ada oleh saya"
    ),
    (
      "Vietnamese", "và của là có không được trong cho một với các những này đã người để từ khi đến như về ra"
    ),
    ("Russian", "и в не на что с как это по но из он она так его то все было же бы за мы только ты или"),
    ("Ukrainian", "і в не на що з як це та до але він вона так його є від про було й за ми або які"),
    ("Bulgarian", "и на да се не е за от в са че с по като ще до това но той си или има към бъде"),
  ]

  static let names = frequent.map(\.name)

  /// Which languages a word is frequent in, one bit each, by its hash.
  private static let bits: [UInt64: UInt32] = {
    var bits: [UInt64: UInt32] = [:]
    for (number, language) in frequent.enumerated() {
      for word in MinHash.words(Array(language.words.utf8)) { bits[word, default: 0] |= 1 << UInt32(number) }
    }
    return bits
  }()

  /// The language of so many words; nil where they are too few to tell, or of several languages.
  /// - Parameter words: their hashes, as `MinHash.words` gives them.
  static func of(_ words: some Sequence<UInt64>) -> Int? {
    var counts = [Int](repeating: 0, count: frequent.count)
    var different = counts
    var seen: Set<UInt64> = []
    var all = 0
    for word in words {
      all += 1
      guard var found = bits[word] else { continue }
      let isNew = seen.insert(word).inserted
      while found != 0 {
        counts[found.trailingZeroBitCount] += 1
        if isNew { different[found.trailingZeroBitCount] += 1 }
        found &= found - 1
      }
    }
    guard all >= fewest, let best = counts.indices.max(by: { counts[$0] < counts[$1] }) else { return nil }
    let second = counts.indices.filter { $0 != best }.map { counts[$0] }.max() ?? 0
    // A third of a running text are such words, and less where it is code, names or numbers.
    return counts[best] * 12 >= all && counts[best] * 2 >= second * 3 && different[best] >= 3 ? best : nil
  }

  /// Words that a text needs to be told.
  private static let fewest = 12
}
