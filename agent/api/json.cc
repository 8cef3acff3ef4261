// The one place where Boost.JSON's own sources are compiled.
#include <boost/json/src.hpp>

#include "agent_api/election_record.h"
#include "agent_api/join_report.h"
#include "agent_api/json_io.h"
#include "agent_api/link.h"
#include "agent_api/node_log.h"
#include "agent_api/removal.h"

namespace zk::agent_api {

std::string to_json(const NodeSpec& spec) { return write_json(spec); }
std::string to_json(const FactsRequest& request) { return write_json(request); }
std::string to_json(const NodeFacts& facts) { return write_json(facts); }
std::string to_json(const RecordedIdentity& identity) { return write_json(identity); }
std::string to_json(const DataOwner& owner) { return write_json(owner); }
std::string to_json(const NodeHealth& health) { return write_json(health); }
std::string to_json(const std::vector<ElectionEntry>& history) { return write_json(history); }
std::string to_json(const ElectionNews& news) { return write_json(news); }
std::string to_json(const VerdictEntry& entry) { return write_json(entry); }
std::string to_json(const ElectionView& view) { return write_json(view); }
std::string to_json(const ElectionsKept& kept) { return write_json(kept); }
std::string to_json(const Hello& message) { return write_json(message); }
std::string to_json(const HelloOk& message) { return write_json(message); }
std::string to_json(const BlobBegin& message) { return write_json(message); }
std::string to_json(const BlobWant& message) { return write_json(message); }
std::string to_json(const BlobOk& message) { return write_json(message); }
std::string to_json(const Apply& message) { return write_json(message); }
std::string to_json(const Event& message) { return write_json(message); }
std::string to_json(const ApplyDone& message) { return write_json(message); }
std::string to_json(const Control& message) { return write_json(message); }
std::string to_json(const Done& message) { return write_json(message); }
std::string to_json(const AgentError& message) { return write_json(message); }
std::string to_json(const ProbeWrite& message) { return write_json(message); }
std::string to_json(const ProbeDone& message) { return write_json(message); }
std::string to_json(const JoinReport& report) { return write_json(report); }
std::string to_json(const LockHolder& holder) { return write_json(holder); }
std::string to_json(const LockRequest& message) { return write_json(message); }
std::string to_json(const LockState& message) { return write_json(message); }
std::string to_json(const Elections& message) { return write_json(message); }
std::string to_json(const PageRequest& message) { return write_json(message); }
std::string to_json(const Page& message) { return write_json(message); }
std::string to_json(const SurveyRequest& request) { return write_json(request); }
std::string to_json(const HostSurvey& survey) { return write_json(survey); }
std::string to_json(const LogRequest& message) { return write_json(message); }
std::string to_json(const NodeLog& message) { return write_json(message); }
std::string to_json(const RemovalRequest& request) { return write_json(request); }
std::string to_json(const RemovalReport& report) { return write_json(report); }

Result<NodeSpec> parse_node_spec(std::string_view text) {
    return read_json<NodeSpec>(text, "node specification");
}
Result<JoinReport> parse_join_report(std::string_view text) {
    return read_json<JoinReport>(text, "report of joining");
}
Result<FactsRequest> parse_facts_request(std::string_view text) {
    return read_json<FactsRequest>(text, "facts request");
}
Result<NodeFacts> parse_node_facts(std::string_view text) {
    return read_json<NodeFacts>(text, "node facts");
}
Result<RecordedIdentity> parse_recorded_identity(std::string_view text) {
    return read_json<RecordedIdentity>(text, "recorded identity");
}
Result<DataOwner> parse_data_owner(std::string_view text) {
    auto owner = read_json<DataOwner>(text, "owner of the data");
    if (!owner.has_value() || (!owner->cluster.empty() && !owner->generation.empty())) return owner;
    return Error(Errc::corrupt, "owner of the data: no cluster or no generation");
}
Result<NodeHealth> parse_node_health(std::string_view text) {
    return read_json<NodeHealth>(text, "node health");
}
Result<std::vector<ElectionEntry>> parse_history(std::string_view text) {
    return read_json<std::vector<ElectionEntry>>(text, "election history");
}

Result<ElectionsKept> parse_elections_kept(std::string_view text) {
    ZK_TRY(auto kept, read_json<ElectionsKept>(text, "elections kept"));
    if (kept.format != kElectionsFormat) {
        return Error(Errc::unsupported,
                     "elections kept in form " + std::to_string(kept.format) + ", not " +
                         std::to_string(kElectionsFormat));
    }
    bound(kept);
    return kept;
}

template <class T>
Result<T> parse_payload(std::string_view text) {
    return read_json<T>(text, "payload");
}
template Result<NodeSpec> parse_payload<NodeSpec>(std::string_view);
template Result<FactsRequest> parse_payload<FactsRequest>(std::string_view);
template Result<NodeFacts> parse_payload<NodeFacts>(std::string_view);
template Result<NodeHealth> parse_payload<NodeHealth>(std::string_view);
template Result<Hello> parse_payload<Hello>(std::string_view);
template Result<HelloOk> parse_payload<HelloOk>(std::string_view);
template Result<BlobBegin> parse_payload<BlobBegin>(std::string_view);
template Result<BlobWant> parse_payload<BlobWant>(std::string_view);
template Result<BlobOk> parse_payload<BlobOk>(std::string_view);
template Result<Apply> parse_payload<Apply>(std::string_view);
template Result<Event> parse_payload<Event>(std::string_view);
template Result<ApplyDone> parse_payload<ApplyDone>(std::string_view);
template Result<Control> parse_payload<Control>(std::string_view);
template Result<Done> parse_payload<Done>(std::string_view);
template Result<AgentError> parse_payload<AgentError>(std::string_view);
template Result<ProbeWrite> parse_payload<ProbeWrite>(std::string_view);
template Result<ProbeDone> parse_payload<ProbeDone>(std::string_view);
template Result<LockHolder> parse_payload<LockHolder>(std::string_view);
template Result<LockRequest> parse_payload<LockRequest>(std::string_view);
template Result<LockState> parse_payload<LockState>(std::string_view);
template Result<Elections> parse_payload<Elections>(std::string_view);
template Result<PageRequest> parse_payload<PageRequest>(std::string_view);
template Result<Page> parse_payload<Page>(std::string_view);
template Result<SurveyRequest> parse_payload<SurveyRequest>(std::string_view);
template Result<HostSurvey> parse_payload<HostSurvey>(std::string_view);
template Result<LogRequest> parse_payload<LogRequest>(std::string_view);
template Result<NodeLog> parse_payload<NodeLog>(std::string_view);
template Result<RemovalRequest> parse_payload<RemovalRequest>(std::string_view);
template Result<RemovalReport> parse_payload<RemovalReport>(std::string_view);

std::optional<std::size_t> broken_json_at(ByteView payload) {
    if (!payload.starts_with('{')) return 0;
    json::stream_parser parser;
    boost::system::error_code error;
    const std::size_t taken = parser.write_some(payload.data(), payload.size(), error);
    if (error || taken < payload.size()) return taken;
    if (!parser.done()) return payload.size();
    return std::nullopt;
}

}  // namespace zk::agent_api
