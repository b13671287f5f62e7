// The terminal of a chat: lines in, answers out.
import Base
import Checkpoints
import Foundation
import Retrieval
import Synchronization

/// Whether Ctrl-C was pressed since the last answer began.
private let isInterrupted = Atomic(false)

struct ChatLoop {
  private let session: ChatSession
  private let lines = InputLines()
  private let isTerminal = isatty(STDIN_FILENO) == 1

  init(_ session: ChatSession) { self.session = session }

  /// Reads until the end of input or /exit.
  func run() throws {
    listen()
    if isTerminal { try write("Ctrl-C stops an answer, Ctrl-D ends the chat, /help names the commands.\n") }
    while let message = try read() {
      let text = message.trimmingCharacters(in: .whitespacesAndNewlines)
      if text.isEmpty { continue }
      if text.hasPrefix("/"), !text.contains("\n") {
        guard try obey(text) else { break }
      } else {
        try answer(message)
      }
    }
    if isTerminal { try write("\n") }
  }

  /// Ctrl-C ends an answer and not the program; at the prompt it gives a new line.
  private func listen() {
    var action = sigaction()
    action.__sigaction_handler.sa_handler = { _ in isInterrupted.store(true, ordering: .relaxed) }
    // Without SA_RESTART, reading a line is interrupted too.
    sigaction(SIGINT, &action, nil)
  }

  private func answer(_ message: String) throws {
    isInterrupted.store(false, ordering: .relaxed)
    do {
      try session.ask(message) { part in
        try write(part)
        return !isInterrupted.load(ordering: .relaxed)
      }
      try write(isInterrupted.load(ordering: .relaxed) ? "\n(stopped)\n" : "\n")
      if let grounded = session.grounded, grounded.isAnswerable { try write(grounded.sourceLines) }
    } catch let error as UserError where error.code == .data {
      // Such a mistake is about the chat, which goes on without the question.
      Command.tell("\(error)")
    }
  }

  /// - Returns: whether the chat goes on.
  private func obey(_ line: String) throws -> Bool {
    let words = line.split(separator: " ", maxSplits: 1).map(String.init)
    let rest = words.count > 1 ? words[1].trimmingCharacters(in: .whitespaces) : ""
    switch words[0] {
    case "/exit", "/quit": return false
    case "/reset":
      session.reset()
      try write("(a new chat)\n")
    case "/undo": try write(session.undo() ? "(the last question is taken back)\n" : "(nothing was asked)\n")
    case "/save": try save(rest)
    case "/adapter": try listen(to: rest)
    case "/help":
      try write(
        """
        /reset        forget the chat
        /undo         take the last question back, with its answer
        /save FILE    write the chat as a row of data, with "messages"
        /adapter NAME who answers from now on, where the chat has several adapters
        /exit         end the chat, as Ctrl-D
        A line that ends with \\ goes on in the next. Lines between two lines of \"\"\" are one message.

        """)
    default:
      let near = nearest(to: words[0], among: ["/reset", "/undo", "/save", "/adapter", "/help", "/exit"])
      Command.tell("\(words[0]) is no command\(near.map { " (did you mean \($0)?)" } ?? "")")
    }
    return true
  }

  private func listen(to name: String) throws {
    let names = session.voices.map(\.name)
    if session.listen(to: name) {
      try write("(\(name) answers)\n")
    } else {
      let near = nearest(to: name, among: names).map { "did you mean \($0)?" }
      Command.tell("/adapter takes one of \(names.joined(separator: ", "))\(near.map { " (\($0))" } ?? "")")
    }
  }

  private func save(_ path: String) throws {
    guard !path.isEmpty else { return Command.tell("/save needs the name of a file") }
    do {
      let file = try NewFile(Launch.path(path), at: "/save")
      try file.write(Array((session.row.encoded() + "\n").utf8))
      try write("(saved in \(path))\n")
    } catch let error as UserError {
      Command.tell("\(error)")
    }
  }

  // MARK: lines

  /// The next message, of one line or several; nil at the end of input.
  private func read() throws -> String? {
    guard let line = try readLine("> ") else { return nil }
    if line.trimmingCharacters(in: .whitespaces) == "\"\"\"" {
      var lines: [String] = []
      while let next = try readLine("… "), next.trimmingCharacters(in: .whitespaces) != "\"\"\"" {
        lines.append(next)
      }
      return lines.joined(separator: "\n")
    }
    var text = line
    while text.hasSuffix("\\"), let next = try readLine("… ") { text = text.dropLast() + "\n" + next }
    return text
  }

  private func readLine(_ prompt: String) throws -> String? {
    while true {
      if isTerminal { try write(prompt) }
      switch lines.next() {
      case .line(let line): return line
      case .end: return nil
      case .interrupted: try write("\n")
      }
    }
  }

  private func write(_ text: String) throws { try StandardStream.output.writeAll(text) }
}
