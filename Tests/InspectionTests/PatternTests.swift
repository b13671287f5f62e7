// What looks like a secret or an address, and what only seems so.
import Base
import Datasets
import Inspection
import Testing

@Suite struct PatternTests {
  /// How many of some texts a check finds something in.
  private func found(_ name: String, in texts: [String]) throws -> Int {
    var setting = Setting()
    setting.format = .text
    let rows = texts.map { row(["text": .string($0)]) }
    return try setting.inspect(rows).finding(name)?.rows?.found ?? 0
  }

  @Test func secrets() throws {
    let real = [
      "key AKIAQ3EGRIV7YB2ZT6WN", "ghp_a8Kd03mQz7LrX2vBn5TcYw9PfJ4sHe6GuR1i",
      "token hf_QxZr7TkLw93NvBcYdPm28FsHgJe5Ra",
      "https://bob:s3cr8Lx@host.lan/", "api_key = 'Zx83kPq0Lm27Rt5v'",
      "\"client_secret\": \"9fKx2LqW73bTz8Rm\"",
      "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U",
      "-----BEGIN RSA PRIVATE KEY-----\n" + String(repeating: "MIIEowIBAAKCAQEA7", count: 8),
      "sk-proj-8dKw02MxPq7Lr93TnVbZ5YcHfJ4sGe6u",
    ]
    let unreal = [
      "AKIA is a prefix of keys", "the risk-free-rate-of-return-model-is-used-here",
      "https://user:password@host/",
      "-----BEGIN PRIVATE KEY----- is how they begin", "password: \"yourpasswordgoeshere\"",
      "api_key = get_key()",
      "sk-learn and sk-image are libraries for python and for images", "http://localhost:8080/@me",
      "eyJ is short",
      "hf_hub_download(repo_id, filename, revision, cache)", "secret: \"the treasure of the island\"",
    ]
    #expect(try found("secrets", in: real) == real.count)
    for text in unreal { #expect(try found("secrets", in: [text, "another text"]) == 0, "\(text)") }
    #expect(real.count == 9 && unreal.count == 11)
  }

  @Test func addresses() throws {
    let real = [
      "maria.lopez@postkasten.de", "mail <j-p+news@uni.ac.uk>.", "call +49 30 9018 2044 now",
      "(212) 867-5309", "212-867-5309",
      "at 85.214.132.117 in Berlin", "card 4539 1488 0343 6467", "card 371449635398431",
    ]
    let unreal = [
      "john@example.com", "user@host", "a @ b.c", "version 2.10.3.4567", "192.168.0.1 and 10.1.2.3",
      "(212) 555-0142",
      "12 + 34 - 56 = 90", "1234567890123456", "4111111111111111", "on 2024-02-29 at 12:34:56",
      "3.14159265358979", "$1,000,000",
      "pages 1234-5678", "ISBN 978-3-16-148410-0", "a@b.c", "<<48/2=24>>24", "1-800-FLOWERS",
    ]
    #expect(try found("addresses", in: real) == real.count)
    for text in unreal { #expect(try found("addresses", in: [text, "another text"]) == 0, "\(text)") }
    #expect(real.count == 8 && unreal.count == 17)
  }

  @Test func damageIsNotFoundInLanguagesThatHaveSuchLetters() throws {
    let texts = [
      "São João não está à mão, À ÇÃO", "«Â l'été» Ñandú, ÑAÑO, Ðe Þorn",
      "Ökonomie, Ärger und Übermut – „so“ …",
      "naïve café, Noël, Ÿ, œuvre", "Ελληνικά και русский и українська", "日本語とカタカナ、中文。한국어",
      "“quotes”, it’s — fine™ €5",
      "👩‍👩‍👧 emoji, ﻿".replacing("\u{FEFF}", with: ""),
    ]
    for text in texts {
      #expect(try found("encoding_damage", in: [text, "another text"]) == 0, "\(text)")
      #expect(try found("control_characters", in: [text, "another text"]) == 0, "\(text)")
    }
    #expect(texts.count == 8)
  }

  /// Whatever texts hold, every check looks at them, and the report is clean lines.
  @Test func anyTextIsLookedAt() throws {
    var state: UInt64 = 7
    func draw(_ bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % bound
    }
    let pieces = [
      "\u{0}", "\u{1B}[2J", "\u{FFFF}", "\u{10FFFF}", "\u{202E}", "é", "Ã", "\u{A9}", "👩‍👩‍👧", "漢", "@", "://",
      "a:b@",
      "-----BEGIN ", "PRIVATE KEY-----", "eyJ", ".", "password=\"", "1", "+1", "(", "192.", "<s>",
      "<|im_end|>", "<pad>", " ",
      "\n", "word ", "\u{FEFF}", "\"", "sk-", "AKIA",
    ]
    func text() -> JSON { .string((0..<draw(60)).map { _ in pieces[draw(pieces.count)] }.joined()) }
    var settings: [Setting] = []
    for format in [DataFormat.completion, .preference, .text, .messages] {
      var setting = Setting()
      setting.format = format
      settings.append(setting)
    }
    settings[0].validation = (0..<50).map { _ in row(["prompt": text(), "completion": text()]) }
    settings[0].against = [row(["q": text()])]
    let rows: [() -> JSON] = [
      { row(["prompt": text(), "completion": text()]) },
      { row(["prompt": text(), "chosen": text(), "rejected": text()]) }, { row(["text": text()]) },
      {
        row([
          "messages": .array(
            (0...draw(4)).map { _ in
              row([
                "role": .string(["system", "user", "assistant", "tool", "\u{1B}"][draw(5)]),
                "content": text(),
              ])
            })
        ])
      },
    ]
    for (setting, row) in zip(settings, rows) {
      let report = try setting.inspect((0..<200).map { _ in row() })
      #expect(report.rows >= 200 && report.findings.count > 3)
      for form in [report.text, report.page(title: "\u{1B}")] {
        #expect(!form.unicodeScalars.contains { $0.properties.generalCategory == .control && $0 != "\n" })
      }
    }
    #expect(settings.count == 4)
  }

  @Test func languages() throws {
    let texts = [
      ("English", "The book that I have is on the table, and it was not there when you came to see us."),
      (
        "German",
        "Das ist nicht der Weg, den wir mit dem Wagen auf die andere Seite nehmen, und es wird spät."
      ),
      (
        "French",
        "Le livre est sur la table, et les enfants ne sont pas dans la maison avec leur mère pour le moment."
      ),
      (
        "Spanish",
        "El libro que está en la mesa es de los niños, y no lo quieren para nada, pero su madre sí."
      ),
      (
        "Italian",
        "Il libro che è sulla tavola non è dei bambini, ma della madre, che lo legge anche di notte."
      ),
      (
        "Russian", "Это не тот человек, который был у нас, но он так же говорит, что мы все должны это знать."
      ),
      ("Japanese", "これは日本語の文章です。言語を判定するための例文として使われています。"), ("Chinese", "这是一个用来判断语言的例子句子，里面没有任何其他的文字内容。"),
    ]
    for (language, text) in texts {
      var setting = Setting()
      setting.format = .text
      let report = try setting.inspect([row(["text": .string(text)])])
      let what = report.finding("languages")?.what ?? "nothing"
      #expect(what == "languages of rows: \(language) 100 %", "\(what)")
    }
    #expect(texts.count == 8)
  }
}
