# The parts of all projects, joined into what Envoy watches. Part of endpoints. POSIX sh with local.

join() { # file, "before", "after": the lines of stdin with commas between, and a version that names them
  local version
  printf '%s' "$2" >"$1.body"
  paste -s -d , | tr -d '\n' >>"$1.body"
  printf '%s\n' "$3" >>"$1.body"
  version=$(sha256sum <"$1.body" | cut -c 1-12)
  { printf '{"version_info":"%s","resources":[' "$version"; tr -d '\n' <"$1.body"; echo ']}'; } >"$1"
  rm "$1.body"
  echo "$version"
}

of_parts() { # the files of this path, a pattern, in all parts
  local found
  # shellcheck disable=SC2231 # it is a pattern
  for found in "$edge"/projects/*/$1; do
    [ ! -f "$found" ] || echo "$found"
  done
}

resolved() { # files of one project each, on stdin: their lines, with the generations of its clusters
  local file at generation name kind
  while read -r file; do
    at=${file#"$edge/projects/"}
    at=$edge/projects/${at%%/*}
    : >"$edge/.sed"
    for generation in "$at"/state/generation/*; do
      [ -f "$generation" ] || continue
      name=${generation##*/}
      for kind in '' .local .tcp .tcp.local; do
        printf 's|/%s%s@GEN@|/%s%s@%s|g\n' "$name" "$kind" "$name" "$kind" "$(cat "$generation")" >>"$edge/.sed"
      done
    done
    sed -f "$edge/.sed" "$file"
  done
  rm -f "$edge/.sed"
}

numbers_of() { # heads or routes: the ports
  local found
  for found in "$edge"/projects/*/"$1"/*; do
    [ ! -e "$found" ] || echo "${found##*/}"
  done | sort -nu
}

join_clusters() {
  local file
  { of_parts 'state/live/*'; of_parts 'state/old/*'; } | while read -r file; do cat "$file"; done |
    join "$next/cds.json" '' ''
}

join_routes() { # port
  local found domain name routes
  for found in "$edge"/projects/*/routes/"$1"/*; do
    [ ! -f "$found" ] || echo "${found##*/}"
  done | sort -u | while read -r domain; do
    name=$(echo "$domain" | sed 's/_/*/')
    routes=$(of_parts "routes/$1/$domain" | resolved | sort -r | cut -f 2 | paste -s -d ,)
    printf '{"name":"%s","domains":["%s"],"routes":[%s]}\n' "$name" "$name" "$routes"
  done | join "$next/rds-port-$1.json" "$(routes_head "$1")" ']}'
}

routes_head() { # port
  printf '{"@type":"type.googleapis.com/envoy.config.route.v3.RouteConfiguration","name":"port-%s",' "$1"
  printf '"validate_clusters":false,"ignore_port_in_host_matching":true,"virtual_hosts":['
}

join_listeners() {
  local port head chains
  numbers_of heads | while read -r port; do
    head=$(of_parts "heads/$port" | head -n 1)
    chains=$(of_parts "chains/$port" | resolved | sort -u | paste -s -d ,)
    printf '%s,"filter_chains":[%s]}\n' "$(sed 's/}$//' "$head")" "$chains"
  done | join "$next/lds.json" '' ''
}

join_secrets() {
  local file
  of_parts 'secrets/*' | while read -r file; do
    join "$next/sds-${file##*/}.json" '' '' <"$file" >/dev/null
    put "sds-${file##*/}.json"
  done
}
