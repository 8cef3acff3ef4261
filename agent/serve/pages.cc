#include "agent_serve/pages.h"

#include "agent_page/page.h"
#include "ensemble_view/ensemble_view.h"

namespace zk::agent_serve {

std::optional<http::Response> answer_page(const http::Request& request,
                                          const agent_api::NodeSpec* spec,
                                          const agent_api::NodeHealth& health,
                                          Peers& peers) {
    const std::string_view target = request.target;
    const std::string_view path = target.substr(0, target.find('?'));
    http::Response response;
    if (const agent_page::File* const file = agent_page::find_file(path)) {
        response.content_type = file->type;
        response.body = file->content;
        return response;
    }
    if (path != "/v1/ensemble") return std::nullopt;
    ensemble_view::Look look;
    if (spec != nullptr) {
        peers.look(*spec);
        look.cluster = spec->cluster;
        look.self = spec->sid;
        look.members = spec->members;
        look.peers = peers.words();
    }
    look.own = health;
    look.now = health.wall_ms;
    response.content_type = "application/json";
    response.body = ensemble_view::ensemble_json(look);
    return response;
}

}  // namespace zk::agent_serve
