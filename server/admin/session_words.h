// Answers to the words about sessions, connections and watches: `cons`, `dump`, `wchs`, `wchc`, `wchp`.
// Pure: facts in, text out. Source: ZooKeeper ServerCnxn.dumpConnectionInfo, SessionTrackerImpl and LearnerSessionTracker
// .dumpSessions, ExpiryQueue.dump, DataTree.dumpEphemerals, WatchManager.dumpWatches.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "admin/facts.h"
#include "jute/codes.h"

namespace zk::admin {

std::string cons(const Facts& facts);
std::string dump(const Facts& facts);
std::string watch_summary(const Facts& facts);
std::string watches_by_session(const Facts& facts);
std::string watches_by_path(const Facts& facts);

/// "GETD", "CREA": what `cons` calls the last operation; "NA" for none.
std::string operation_text(std::optional<OpCode> op);

/// What is waited for, in bits: 1 to read, 4 to write; 0 on the connection of the very word that asks.
int interest_of(const frontend::ConnectionStatistics& connection);

/// Which paths each session waits for, sorted.
std::map<SessionId, std::vector<std::string>> watched_by_session(
    const std::vector<frontend::WatchedPath>& watched);

}  // namespace zk::admin
