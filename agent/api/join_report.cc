#include "agent_api/join_report.h"

namespace zk::agent_api {
namespace {

std::string stage_words(const JoinReport& report) {
    switch (report.stage) {
        case JoinStage::identify:
            return "finds out which server this host is";
        case JoinStage::preflight:
            return "looks at the host";
        case JoinStage::fetch:
            return "fetches the server";
        case JoinStage::wait_peers:
            return "waits";
        case JoinStage::decide:
            return "agrees with the others";
        case JoinStage::run:
            return "starts";
        case JoinStage::done:
            return report.way == JoinWay::none ? "done" : std::string(to_string(report.way));
        case JoinStage::failed:
            return "refuses";
    }
    return "";
}

}  // namespace

std::string words_of(const JoinReport& report) {
    if (report.cluster.empty()) return report.words;
    std::string text = report.sid ? "server " + to_string(*report.sid) + " of " : "";
    text += report.cluster + ": " + stage_words(report);
    if (!report.words.empty()) text += ": " + report.words;
    return text;
}

}  // namespace zk::agent_api
