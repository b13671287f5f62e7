// Data that cannot be used: the file and the line are named, and nothing is touched.
import Foundation
import Testing

extension CommandLineTests {
  @Suite struct DataMistakeTests {
    @Test func data() throws {
      let folder = try Workspace()
      try folder.makeLlama()
      try folder.makeText(characters: 2150)
      try folder.file("broken.jsonl", "{\"prompt\": \"a\", \"completion\": \"b\"}\n{\"prompt\": \"a\", \n")
      try folder.file(
        "rows.jsonl",
        "{\"prompt\": \"a\", \"completion\": \"b\"}\n{\"prompt\": \"a\"}\n{\"prompt\": 3, \"completion\": \"x\"}\n"
      )
      try folder.file("empty.txt", "")
      try folder.file("empty.jsonl", "")
      try folder.file("short.txt", "short\n")
      try folder.file(
        "prompts.jsonl",
        (0..<2).map { "{\"prompt\": \"\(String(repeating: "x", count: 40))\($0)\", \"completion\": \"y\"}\n" }
          .joined())
      try folder.file("latin.txt", Data([0x61, 0xE9, 0x62, 0x0A]))
      try folder.file("table.xml", "a,b\n")
      let broken =
        "broken.jsonl:2: is not JSON: the text ends too early at byte 16 of the line (a .jsonl file holds one object a line)"
      let rows = [
        "rows.jsonl:2: has no \"completion\" (a row of format completion has \"prompt\" and \"completion\" (or \"response\"))",
        "rows.jsonl:3: \"prompt\" must be a string, but is a whole number",
      ]
      let short =
        "all text together has 7 tokens, too few for one block of 32 (lower data.sequence_length, or set data.packing: false)"
      let cases: [([String], [String])] = [
        (["data.train=broken.jsonl"], [broken]),
        (["data.train=rows.jsonl"], rows),
        (
          ["data.train=[broken.jsonl,rows.jsonl,empty.txt]"],
          [broken] + rows + ["empty.txt: the file is empty"]
        ),
        (["data.train=empty.txt"], ["empty.txt: the file is empty"]),
        (["data.train=empty.jsonl"], ["empty.jsonl: the file is empty"]),
        (["data.train=short.txt"], ["data.train: " + short]),
        (
          ["data.train=prompts.jsonl", "data.packing=false"],
          [
            "data.train: none of 2 rows holds a token to predict (prompts fill their sequences: raise data.sequence_length)"
          ]
        ),
        (["data.train=latin.txt"], ["latin.txt:1: is not UTF-8 at byte offset 1 (convert it to UTF-8)"]),
        (
          ["data.train=table.xml"],
          [
            "table.xml: the ending of the name is not known (use .txt, .jsonl, .json, .tsv, .csv, .conll or .parquet, perhaps with .gz or .zst behind it)"
          ]
        ),
        (
          ["data.train=broken.jsonl", "data.format=alpaca"],
          [
            "broken.jsonl:1: has no \"instruction\" (a row of format alpaca has \"instruction\" and \"output\")",
            broken,
          ]
        ),
      ]
      for (settings, messages) in cases {
        try expectMistake(
          ["train", "model=llama", "weights=random", "output=run", "data.sequence_length=32"] + settings, 65,
          messages, in: folder)
      }
      #expect(cases.count == 10)
    }

    /// The data is at fault here, not a setting that a command does not have.
    @Test func mistakesInTheWordsOfEvaluate() throws {
      let folder = try Workspace()
      try folder.makeLlama()
      try folder.makeText(characters: 700)
      try train(
        [
          "model=llama", "weights=random", "data.train=text.txt", "data.sequence_length=32",
          "training.steps=1",
        ],
        output: "run", in: folder)
      try folder.file("both.jsonl", "{\"text\": \"t\", \"instruction\": \"i\", \"output\": \"o\"}")
      let cases: [([String], String)] = [
        (
          ["--data", "both.jsonl"], "both.jsonl:1: the row could be text and alpaca (say which with --format)"
        ),
        (
          ["--data", "text.txt", "--format", "alpaca"],
          "text.txt: a .txt file is plain text, not alpaca (use .jsonl, .json, .tsv, .csv or .parquet, or --format auto)"
        ),
      ]
      for (options, message) in cases {
        try expectMistake(["evaluate", "--model", "run/model"] + options, 65, [message], in: folder)
      }
      #expect(cases.count == 2)
    }

    /// A file that is not there is a mistake in how swiftdp was called, as it is in a recipe.
    @Test func filesThatAreNotThere() throws {
      let folder = try Workspace()
      try folder.makeLlama()
      try expectMistake(
        ["evaluate", "--model", "llama", "--data", "no.txt", "llama", "nor.jsonl"], 64,
        [
          "--data: there is no file no.txt (this folder holds no data file)",
          "--data: llama is the folder of a model (name files of data)",
          "--data: there is no file nor.jsonl (this folder holds no data file)",
        ], in: folder)
      try expectMistake(
        ["tokenize", "--model", "llama", "no.txt"], 64, ["there is no file no.txt"], in: folder)
    }
  }
}
