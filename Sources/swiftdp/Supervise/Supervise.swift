// swiftdp supervise
import ArgumentParser
import Base
import Collectives
import Foundation
import Training

struct Supervise: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Start a run again when it fails.",
    discussion: """
      Example: swiftdp supervise --restarts 5 -- mpirun -np 8 swiftdp train run.yaml
      The run goes on from its last checkpoint, on the hosts that still answer. SIGTERM, SIGINT, SIGUSR1
      and SIGUSR2 are passed on to it. A mistake of the user's (64, 65) is not tried again, and the same step at
      most three times. Exits with the code of the last run. docs/failures.md tells more.
      """)

  @Option(help: "How many times at most.")
  var restarts = 5
  @Option(help: "Seconds before the first restart; each pause is twice the one before, up to 60.")
  var pause = 1.0
  @Argument(parsing: .postTerminator, help: "The command, after --.")
  var command: [String] = []

  func validate() throws {
    try check("--restarts", restarts, in: 0...Int.max)
    guard (0...60).contains(pause) else {
      throw ValidationError("--pause is \(pause), but must be from 0 to 60")
    }
    guard !command.isEmpty else { throw ValidationError("Missing the command to run, after --") }
  }

  func run() throws {
    let place = try RunPlace(command: command)
    let hosts = try HostList(command)
    let child = Child()
    var policy = RestartPolicy(restarts: restarts, pause: pause)
    var gone: Set<String> = []
    let folder = FileManager.default.temporaryDirectory.path + "/swiftdp-supervise-\(getpid())"
    defer { try? FileManager.default.removeItem(atPath: folder) }
    var words = command
    let checkpoint = place?.checkpoint
    while true {
      let start = Date()
      let ending = try child.run(words) { place?.hasFailed(since: start) ?? false }
      var event = RestartPolicy.Event(what: ending.words, code: ending.code)
      event.step = place?.step(
        startedAt: start, wasStopped: ending.code == Base.ExitCode.tryAgain.rawValue)
      if let place {
        event.isFurther = place.checkpoint > checkpoint ?? 0
        event.stopped = StopFile.reason(in: place.output, since: start)
      }
      event.wasAsked = child.askedToEnd.map(Ending.name(of:))
      words = try next(after: event, &policy, child, hosts, &gone, folder: folder)
    }
  }

  /// Says what happened, and waits.
  /// - Returns: the command to start now; ends the process if there is nothing to start.
  private func next(
    after event: RestartPolicy.Event, _ policy: inout RestartPolicy, _ child: Child, _ hosts: HostList,
    _ gone: inout Set<String>, folder: String
  ) throws -> [String] {
    var event = event
    while true {
      let decision = policy.decide(event)
      if let line = decision.line { Command.tell("supervise: " + line) }
      switch decision {
      case .end(_, let code): leave(code, folder)
      case .restart(_, let pause): child.pause(pause)
      }
      let silent = Set(silentHosts(hosts, child))
      if let signal = child.askedToEnd {
        Command.tell("supervise: \(Ending.name(of: signal)): not started again")
        leave(event.code, folder)
      }
      if hosts.hosts.isEmpty || silent.count < hosts.hosts.count {
        if !silent.isEmpty { try makeFolders(folder) }
        let (words, processes) = try hosts.words(without: silent, folder: folder)
        if silent != gone { Command.tell("supervise: " + told(silent, of: hosts, processes: processes)) }
        gone = silent
        return words
      }
      let isFurther = event.isFurther
      event = RestartPolicy.Event(what: "none of \(hosts.hosts.count) hosts answers", code: event.code)
      event.isFurther = isFurther
    }
  }

  private func leave(_ code: Int32, _ folder: String) -> Never {
    try? FileManager.default.removeItem(atPath: folder)
    Foundation.exit(code)
  }

  private func told(_ silent: Set<String>, of hosts: HostList, processes: Int?) -> String {
    let count = processes.map { ", -np \($0)" } ?? ""
    if silent.isEmpty { return "all hosts answer again\(count)" }
    let names = silent.sorted().joined(separator: ", ")
    let verb = silent.count == 1 ? "does" : "do"
    return "\(names) \(verb) not answer: going on without\(count)"
  }

  /// How many seconds a host has to answer.
  private static let patience = 10.0

  /// The hosts on which mpirun's way of starting processes fails.
  private func silentHosts(_ hosts: HostList, _ child: Child) -> [String] {
    let others = hosts.hosts.map(\.name).filter { !isThisHost($0) }
    if others.isEmpty { return [] }
    let agent = hosts.agent(usual: Launch.remoteAgent)
    let answers = child.succeeds(others.map { agent + [$0, "true"] }, within: Self.patience)
    return zip(others, answers).filter { !$1 }.map(\.0)
  }
}
