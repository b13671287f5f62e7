// The command: arguments in, words out.
import ArgumentParser
import Base
import Collectives
import Foundation
import Kernels

@main
struct Command: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "swiftdp",
    abstract: "Fine-tunes Hugging Face language models on CPU clusters, data-parallel over MPI ranks.",
    discussion: """
      Start here:
        swiftdp train                          fine-tune the model that ships with swiftdp
        mpirun -np 8 swiftdp train run.yaml    the same with eight ranks and your own recipe
      """,
    version: "0.1.0",
    subcommands: [
      Train.self, Supervise.self, Plan.self, Verify.self, Evaluate.self, Predict.self, Score.self,
      SearchCommand.self, Generate.self, Errors.self, PromptCommand.self,
      Chat.self, Merge.self, Shrink.self, ExportCommand.self, Report.self, Top.self, New.self,
      Tokenize.self, Checkpoint.self, ClusterCommand.self,
      Bench.self,
      Doctor.self,
      MakeTasks.self,
      DataCommand.self,
      IndexCommand.self,
    ])

  /// Runs the command; a mistake ends it with one line and the exit code of the mistake.
  static func main() {
    StandardStream.prepare()
    FatalEnd.tellOfAborts()
    do {
      let words = Array(CommandLine.arguments.dropFirst())
      let commands = configuration.subcommands.map { $0._commandName } + ["help"]
      if let text = try KeyHelp.text(words, commands: commands) {
        if Launch.isFirst { try StandardStream.output.writeAll(text) }
        return
      }
      var command = try parseAsRoot(Arguments(words, root: Command.self).words)
      // If a command does not share its work among ranks, the first rank does it all.
      guard Launch.isFirst || command is SharedByRanks else { return }
      if !(command is SharedByRanks) { try StartCheck.processor() }
      // Threads that are started from here on run on the same cores as this one.
      CoreBinding.settle()
      try command.run()
      // Printed text waits in memory until here.
      if fflush(nil) != 0 { throw StandardStream.output.failure(errno) }
    } catch let stopped as Ranks.StoppedElsewhere {
      Foundation.exit(stopped.code.rawValue)
    } catch let error as UserError {
      fail("\(error)", error.code)
    } catch let errors as UserErrors {
      fail("\(errors)", errors.code)
    } catch {
      // Help and usage errors: with many ranks, one of them prints. The others exit with 0, since mpirun ends all
      // ranks once one has failed, possibly before the first has printed.
      guard Launch.isFirst else { return }
      guard exitCode(for: error) == .validationFailure else { exit(withError: error) }
      fail(line(of: error), .usage)
    }
  }

  /// A usage error in one line, with a hint at the help; the parser's own text has several lines.
  private static func line(of error: any Error) -> String {
    let message = message(for: error).split(whereSeparator: \.isWhitespace).joined(separator: " ")
    // Only this line says which command was meant: See 'swiftdp train --help' for more information.
    let help = fullMessage(for: error).components(separatedBy: "See '").dropFirst().last
    return message + (help.map { " (see \($0.prefix { $0 != "'" }))" } ?? "")
  }

  private static func fail(_ message: String, _ code: Base.ExitCode) {
    tell(message)
    Foundation.exit(code.rawValue)
  }

  static func tell(_ message: String) {
    for line in message.split(separator: "\n") {
      StandardStream.error.write("swiftdp: \(line)\n")
    }
  }
}

/// A command whose work all ranks do together.
protocol SharedByRanks {}

/// Runs something on all ranks and leaves MPI in order, also if the user made a mistake. The mistake is printed
/// before any rank leaves, since mpirun ends all ranks once one has failed.
func onRanks(_ body: (Ranks) throws -> Void) throws {
  try Launch.checkStarter()
  MPISettings.settle()
  let ranks = try Ranks.start()
  do {
    try StartCheck.ranks(ranks)
    try body(ranks)
  } catch let error where error is UserError || error is UserErrors || error is Ranks.StoppedElsewhere {
    if !(error is Ranks.StoppedElsewhere) { Command.tell("\(error)") }
    let code = exitCode(of: error)
    ranks.finish(after: code)
    throw Ranks.StoppedElsewhere(code: code)
  } catch {
    StandardStream.error.write("swiftdp: rank \(ranks.rank): \(error)\n")
    ranks.abort(.software)
  }
  ranks.finish()
}
