"""WeChat's side of sealed callbacks by a library of others: a JSON object a line in, one out.

{"seal": text, "nonce": …, "time": …} gives {"body": xml, "signature": …};
{"open": xml} gives {"text": …}. What the library refuses is {"refused": its name for it}.
"""

import json
import sys

import xmltodict
from wechatpy.crypto import WeChatCrypto

token, key, app_id = sys.argv[1:4]
crypto = WeChatCrypto(token, key, app_id)
for line in sys.stdin:
    asked = json.loads(line)
    try:
        if "seal" in asked:
            body = crypto.encrypt_message(asked["seal"], asked["nonce"], asked["time"])
            signature = xmltodict.parse(body)["xml"]["MsgSignature"]
            said = {"body": body, "signature": signature}
        else:
            xml = xmltodict.parse(asked["open"])["xml"]
            text = crypto.decrypt_message(
                asked["open"], xml["MsgSignature"], xml["TimeStamp"], xml["Nonce"]
            )
            said = {"text": text}
    except Exception as fault:  # whatever the library throws is its answer
        said = {"refused": type(fault).__name__}
    print(json.dumps(said), flush=True)
